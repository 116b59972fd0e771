import { ORGANISATION_ROLES } from '../core/access/viewer.ts';
import { TOKEN_SCOPES } from '../core/tokens/tokens.service.ts';
import { LANGUAGES } from '../texts.ts';

/** JSON Schemas of the objects of a seed, by kind. The contract of the Tracker API validates what is left open here. */

const text = { type: 'string', minLength: 1 };
const issueName = { type: 'string', pattern: '^\\S+$' };

function object(required: readonly string[], properties: object, additionalProperties = false) {
  return { type: 'object', required, properties, additionalProperties };
}

export const SEED_SCHEMA = {
  organisation: object(['id'], {
    id: text,
    name: text,
    language: { enum: LANGUAGES },
    profile: { enum: ['tracker', 'kanboard'] },
    cloudId: text,
    kanboardToken: text,
  }),
  user: object(['login'], {
    login: text,
    display: text,
    email: text,
    uid: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    role: { enum: ORGANISATION_ROLES },
    password: text,
    kanboardToken: text,
  }),
  token: object(['user', 'value'], {
    user: text,
    value: text,
    scopes: { type: 'array', items: { enum: TOKEN_SCOPES }, minItems: 1, uniqueItems: true },
    expiresAt: { type: 'string', format: 'date-time' },
  }),
  queue: object(['key'], {
    key: text,
    name: text,
    description: text,
    lead: text,
    members: { type: 'object', additionalProperties: { enum: ['manager', 'member', 'viewer'] } },
  }),
  linkType: { type: 'object' },
  issue: object(
    ['key'],
    { key: { type: 'string', pattern: '^[A-Z][A-Z0-9]*-[1-9][0-9]{0,8}$' }, status: text, createdBy: text },
    true,
  ),
  link: object(['issue', 'relationship', 'object'], {
    issue: issueName,
    relationship: text,
    object: issueName,
    createdBy: text,
  }),
  comment: object(['issue', 'text'], { issue: issueName, text, createdBy: text }),
};
