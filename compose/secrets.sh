#!/bin/sh
# Makes the passwords and keys that docker-compose.yml mounts, each once: what exists is never overwritten.
#
#   sh compose/secrets.sh [FOLDER]        FOLDER: .keyturn/compose/secrets
#
# KEYTURN_DATABASE says where the programs find Keyturn's database, for one that is not in compose:
#
#   KEYTURN_DATABASE='db.example.com:5432/keyturn?sslmode=verify-full' sh compose/secrets.sh FOLDER
#
# Needs openssl 1.1.1 or newer. The folder is for its owner only. The files in it can be read by everybody who reaches
# them, because compose mounts each with the numbers of this machine and the processes run under others.
set -eu
umask 077

folder=${1:-.keyturn/compose/secrets}
database=${KEYTURN_DATABASE:-postgres:5432/keyturn}

# Writes standard input to a file of the folder, unless the file is there. An empty one is not kept: what should have made it
# failed, and said why.
put() {
  if [ -e "$folder/$1" ]; then
    cat >/dev/null
    echo "kept   $folder/$1"
    return
  fi
  new=$folder/$1.new.$$
  cat >"$new"
  if [ ! -s "$new" ]; then
    rm "$new"
    echo "$folder/$1 could not be made: mend that, and run this again." >&2
    exit 1
  fi
  chmod 444 "$new"
  # Another run may have made it meanwhile: only one of them makes a link. Some file systems have none.
  ln "$new" "$folder/$1" 2>/dev/null || [ -e "$folder/$1" ] || mv "$new" "$folder/$1"
  rm -f "$new"
  echo "made   $folder/$1"
}

take() {
  cat "$folder/$1"
}

random_hex() {
  openssl rand -hex "$1" | tr -d '\n'
}

base64url() {
  openssl base64 -A | tr '+/' '-_' | tr -d '='
}

make_passwords() {
  for name in postgres temporal_database keyturn_admin keyturn_api keyturn_worker; do
    random_hex 24 | put "${name}_password"
  done
}

# Environment files: a process reads its own with `node --env-file`.
make_environments() {
  api=$(take keyturn_api_password)
  worker=$(take keyturn_worker_password)
  printf 'KEYTURN_DATABASE_URL=postgres://keyturn_admin:%s@%s\nKEYTURN_API_PASSWORD=%s\nKEYTURN_WORKER_PASSWORD=%s\n' \
    "$(take keyturn_admin_password)" "$database" "$api" "$worker" | put migrate.env
  printf 'KEYTURN_DATABASE_URL=postgres://keyturn_api:%s@%s\n' "$api" "$database" | put api.env
  printf 'KEYTURN_DATABASE_URL=postgres://keyturn_worker:%s@%s\n' "$worker" "$database" | put worker.env
}

# What was kept may hold another address than the one that is asked for now.
tell_other_addresses() {
  [ -n "${KEYTURN_DATABASE:-}" ] || return 0
  for name in migrate api worker; do
    [ "$(sed -n 's/^KEYTURN_DATABASE_URL=[^@]*@//p' "$folder/$name.env")" = "$database" ] && continue
    echo "$folder/$name.env names another database than KEYTURN_DATABASE: write the address there, or delete it and run this again." >&2
  done
}

# An Ed25519 pair as a JWK (RFC 8037); both parts are the last 32 bytes of their DER form (RFC 8410).
signing_key() {
  pem=$(openssl genpkey -algorithm ed25519)
  d=$(echo "$pem" | openssl pkey -outform DER | tail -c 32 | base64url)
  x=$(echo "$pem" | openssl pkey -pubout -outform DER | tail -c 32 | base64url)
  kid=$(printf %s "$x" | openssl dgst -sha256 -binary | base64url | cut -c 1-16)
  printf '{"kty":"OKP","crv":"Ed25519","x":"%s","kid":"%s","alg":"EdDSA","use":"sig","d":"%s"}\n' "$x" "$kid" "$d"
}

# The public key is taken from the private one that is in place, so that the two always belong together.
make_signing_keys() {
  signing_key | put signing.jwk.json
  take signing.jwk.json | sed 's/,"d":"[^"]*"//; s/^/{"keys":[/; s/$/]}/' | put verification.jwks.json
}

make_other_keys() {
  printf '{"keys":[{"kty":"oct","alg":"A256GCM","use":"enc","kid":"%s","k":"%s"}]}\n' \
    "$(random_hex 8)" "$(openssl rand 32 | base64url)" | put sealing.jwks.json
  random_hex 32 | put identity.key
}

command -v openssl >/dev/null || { echo 'openssl is not installed.' >&2; exit 1; }
mkdir -p "$folder"
chmod 700 "$folder"
make_passwords
make_environments
tell_other_addresses
make_signing_keys
make_other_keys
