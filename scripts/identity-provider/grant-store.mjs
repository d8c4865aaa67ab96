import fs from 'node:fs';

/** What oidc-provider remembers (sessions, device codes, grants), in one small file that outlives a restart. */
export function grantStore(file) {
  const entries = new Map(fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : []);
  const save = () => {
    const nowMs = Date.now();
    for (const [key, { expiresAtMs }] of entries) if (expiresAtMs < nowMs) entries.delete(key);
    fs.writeFileSync(`${file}.new`, JSON.stringify([...entries]), { mode: 0o600 });
    fs.renameSync(`${file}.new`, file);
  };
  return class GrantStore {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload, expiresInSeconds) {
      const expiresAtMs = Date.now() + (expiresInSeconds ?? 30 * 24 * 3600) * 1000;
      entries.set(`${this.model}:${id}`, { payload, expiresAtMs });
      save();
    }

    async find(id) {
      const entry = entries.get(`${this.model}:${id}`);
      return entry && entry.expiresAtMs > Date.now() ? entry.payload : undefined;
    }

    async findByUid(uid) {
      return this.findBy('uid', uid);
    }

    async findByUserCode(userCode) {
      return this.findBy('userCode', userCode);
    }

    findBy(field, value) {
      for (const [key, { payload, expiresAtMs }] of entries) {
        const isMatch = key.startsWith(`${this.model}:`) && payload[field] === value;
        if (isMatch && expiresAtMs > Date.now()) return payload;
      }
      return undefined;
    }

    async consume(id) {
      const entry = entries.get(`${this.model}:${id}`);
      if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
      save();
    }

    async destroy(id) {
      entries.delete(`${this.model}:${id}`);
      save();
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
      save();
    }
  };
}
