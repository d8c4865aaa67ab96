import type { Shape } from './value.ts';

/** Conditions decide whether a rule matches, and who may review; nothing in between depends on facts. */
const CONDITION_ELSEWHERE = { refused: 'a condition belongs to the rule, or to its reviewer' };

const NOT_SUPPORTED = { refused: 'not supported by this version' };

const WRITTEN_OUT = { refused: 'the service says who is on call: write a rotation out, or name its source' };

/** Keys with blanks between them: those that must be there, those that may, and those that are refused. */
function shape(required: string, optional = '', refused: Shape = {}): Shape {
  const all = (presence: 'required' | 'optional', keys: string): Shape =>
    Object.fromEntries((keys.match(/\w+/g) ?? []).map((key) => [key, presence]));
  return { ...all('required', required), ...all('optional', optional), ...refused };
}

/** Every key of policy files, by its parents: docs/policy.md explains each under the same name. */
export const KEYS = {
  'keyturn.yaml': shape(
    'version environments defaults',
    'production enums risk windows operators auditors reviewers calendars calendar freezes selectors tables',
  ),
  defaults: shape('effect require'),
  reviewers: shape('when because'),
  risk: shape('', 'lines tiers demands'),
  'risk.lines': shape('weight because when', 'on'),
  'risk.lines.on': shape('action', 'env'),
  'risk.tiers': shape('medium high critical'),
  'risk.demands': shape('', 'low medium high critical'),
  'risk.demands.TIER': shape('', 'distinct_people minimum_grade maximum_age channels'),
  windows: shape('id action over per', 'sum'),
  'tables.ID': shape('columns rows'),
  'calendars.ID': shape('time_zone week', 'holidays'),
  freezes: shape('id title from to', 'calendar environments actions'),
  selectors: shape('', 'oncall'),
  'selectors.oncall.ID, written out': shape('time_zone hand_over starts_on people', 'overrides'),
  'selectors.oncall.ID.hand_over': shape('day time'),
  'selectors.oncall.ID.overrides': shape('from to person'),
  'selectors.oncall.ID, kept by a service': shape('source schedule maximum_staleness', '', {
    time_zone: WRITTEN_OUT,
    hand_over: WRITTEN_OUT,
    starts_on: WRITTEN_OUT,
    people: WRITTEN_OUT,
    overrides: WRITTEN_OUT,
  }),
  'directory.yaml': shape('people', 'issuers agents groups'),
  people: shape('id accounts', 'name active'),
  'people.accounts': shape('issuer subject'),
  agents: shape('id issuer subject owner', 'name active acts_for_people client'),
  groups: shape('id', 'title authority external_id claim maximum_age members groups'),
  'actions/*.yaml': shape(
    'action schema_version title resource_type arguments',
    'connector fallback facts owners',
  ),
  'actions.facts.NAME': shape('resolver of', 'table'),
  'actions.owners': shape('resolver of otherwise', 'table column'),
  'targets/*.yaml': shape('id title resource_type environment owners', 'connection tags data_class'),
  'rules/*.yaml': shape('rules', 'version'),
  rules: shape(
    'id on effect',
    'because require replaces_default when break_glass yields_to_break_glass valid_for instead',
    { reviewer: { refused: 'belongs inside require' } },
  ),
  'rules.on': shape('action', 'env target'),
  'rules.instead': shape('of ask when'),
  require: shape('stages', 'order expires on_expiry maximum_age minimum_grade reviewer clock', {
    when: CONDITION_ELSEWHERE,
  }),
  'require.stages': shape('any quorum', 'escalate', { when: CONDITION_ELSEWHERE }),
  'require.stages.escalate': shape('after to', '', { when: CONDITION_ELSEWHERE }),
  'require.reviewer': shape('', 'reason when', { second_factor: NOT_SUPPORTED }),
  'tests/*.yaml': shape('tests', 'version'),
  tests: shape('name given', 'expect may after'),
  'tests.given': shape(
    'action target requester',
    'on_behalf_of declared_on_behalf_of arguments plan mode break_glass at history windows on_call decisions',
  ),
  'tests.given.plan': shape('', 'is_loosening rows resources names destructive reversible previewed'),
  'tests.given.history': shape('', 'requests_24h denials_24h failures_24h'),
  'tests.given.windows.ID': shape('', 'count sum'),
  'tests.given.decisions': shape('by verdict', 'at'),
  'tests.expect': shape(
    '',
    'effect risk rules stages expires status channels expires_at escalates break_glass shortage approvers',
  ),
  'tests.expect.escalates': shape('to at'),
} as const satisfies Readonly<Record<string, Shape>>;
