# One image for the API, the worker, the migrations and the CLI: which of them runs is said by the command.

# The same version as the package `node` in package.json, which is what the tests run on.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`: the lockfile may lack the optional builds of other platforms, which `ci` refuses. Versions are exact and
# the lockfile decides all the same. No package needs its install script here.
RUN npm install --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error
COPY . .
RUN node scripts/build.mjs
# Without what only a developer's machine needs (compilers, a second Node, an embedded PostgreSQL, an identity provider),
# and without the Temporal client built for four other platforms.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} + \
  && rm -rf dist/test dist/.tsbuildinfo

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY compose/healthcheck.mjs ./compose/healthcheck.mjs
# Everything above belongs to root: the process cannot change its own code.
USER node
EXPOSE 7080 7081
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 CMD ["node", "compose/healthcheck.mjs"]
ENTRYPOINT ["node"]
CMD ["dist/apps/api/main.js"]
