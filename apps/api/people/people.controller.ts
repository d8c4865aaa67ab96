import { Controller, Get, Module, Param, Query } from '@nestjs/common';

import { readPeople, readPersonFacts } from '../../../database/people.ts';
import { KeyturnError } from '../../../domain/errors.ts';
import { membershipPaths } from '../../../domain/identity/membership-paths.ts';
import { personById, type Person } from '../../../domain/identity/directory.ts';
import type { QueryOf } from '../../../contract/operation.ts';
import { OPERATIONS } from '../../../contract/operations.ts';
import type { PeoplePage, PersonView } from '../../../contract/people.ts';
import { CallerParam, isReviewer, reviewerOf, type Caller } from '../auth/caller.ts';
import { isAuditReader, refuseAllButAuditReaders } from '../auth/operator.ts';
import { ApiContext } from '../context.ts';
import { Door } from '../http/door.ts';
import { QueryPipe } from '../http/pipes.ts';
import { lineView, personView } from './views.ts';

const PAGE = 50;
const { listPeople: PEOPLE } = OPERATIONS;

/** The directory as the server sees it, with who says what. */
@Door('people')
@Controller('v1/people')
export class PeopleController {
  readonly #context: ApiContext;

  constructor(context: ApiContext) {
    this.#context = context;
  }

  @Get()
  async list(
    @CallerParam() caller: Caller,
    @Query(new QueryPipe(PEOPLE)) { q = '', limit = PAGE, cursor }: QueryOf<typeof PEOPLE>,
  ): Promise<PeoplePage> {
    refuseAllButAuditReaders(caller);
    const after = positionOf(cursor);
    const found = caller.directory.people
      .filter((person) => person.id > after && isFound(person, q.trim().toLowerCase()))
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    const page = found.slice(0, limit);
    const ids = page.map(({ id }) => id);
    const known = await readPeople(this.#context.source.manager, caller.directoryGeneration, ids);
    const last = found.length > limit ? page.at(-1) : undefined;
    return {
      items: page.map((person) => lineView(caller.directory, person, known.get(person.id))),
      next_cursor: last ? Buffer.from(last.id).toString('base64url') : null,
    };
  }

  @Get(':id')
  async show(@CallerParam() caller: Caller, @Param('id') id: string): Promise<PersonView> {
    const reader = isReviewer(caller) ? caller.person : reviewerOf(caller);
    // Nobody else learns who is in the directory: not even whether this id is.
    if (reader === null || (reader.id !== id && !isAuditReader(caller, reader.id)))
      throw new KeyturnError('forbidden', 'Only operators, auditors and the person herself may read this.');
    const { directory, directoryGeneration: generation, policy } = caller;
    const person = personById(directory, id);
    if (!person) throw new KeyturnError('not_found', 'Nobody in the directory has this id.');
    const { manager } = this.#context.source;
    const paths = membershipPaths(directory, id);
    const [known, facts] = await Promise.all([
      readPeople(manager, generation, [id]),
      readPersonFacts(manager, generation, { person: id, groups: [...paths.keys()] }),
    ]);
    return personView({ policy: policy.policy, directory, person, paths }, { row: known.get(id), facts });
  }
}

@Module({ controllers: [PeopleController] })
export class PeopleModule {}

function isFound({ id, name, accounts }: Person, wanted: string): boolean {
  const texts = [id, name, ...accounts.map(({ subject }) => subject)];
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted));
}

/** The id after which a page begins. Refuses what is no cursor of a page. */
function positionOf(cursor = ''): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8');
  if (Buffer.from(id).toString('base64url') === cursor) return id;
  throw new KeyturnError('invalid_request', 'The cursor does not belong to this list.');
}
