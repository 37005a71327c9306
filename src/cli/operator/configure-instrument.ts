/** `tampines configure`: shows how an instrument is published, or what of it is to be otherwise than for all. */
import { instrumentSettingsSchema } from '../../admin/operations-schemas.ts';
import { instrumentSettingsBody } from '../../admin/request-schemas.ts';
import { CommandFailure, EXIT_CODES } from '../exit-codes.ts';
import { parseWhole } from '../parse-whole.ts';
import type { Column } from '../text-table.ts';
import { formatTable } from '../text-table.ts';
import type { AdminRequest } from './admin-client.ts';
import { instrumentPath } from './admin-client.ts';
import type { ConditionalChange } from './change-instruments.ts';
import { conditionOf } from './change-instruments.ts';
import { writeJson, writeLines } from './screen.ts';

type Row = { readonly name: string; readonly value: number; readonly isOwn: boolean };

const COLUMNS: readonly Column<Row>[] = [
  { title: 'SETTING', text: ({ name }) => name },
  { title: 'VALUE', text: ({ value }) => String(value), isRight: true },
  { title: 'OF', text: ({ isOwn }) => (isOwn ? 'the instrument' : 'the node') },
];

/** `assignments`: `name=value` each, together all that is to be otherwise; none shows it, with `isReset` nothing is otherwise any more. */
export async function configureInstrument(
  options: ConditionalChange & { readonly assignments: readonly string[]; readonly isReset: boolean },
): Promise<void> {
  const { client, screen, isJson, exchange, symbol, assignments, isReset } = options;
  const path = `${instrumentPath(exchange, symbol)}/settings`;
  const request: AdminRequest =
    assignments.length === 0 && !isReset
      ? { method: 'GET', path }
      : { method: 'PUT', path, body: readAssignments(assignments), headers: conditionOf(options) };
  const answer = await client.read(request, instrumentSettingsSchema);
  if (isJson) writeJson(screen, answer);
  else {
    const rows = Object.entries(answer.inForce).map(([name, value]) => ({
      name,
      value,
      isOwn: name in answer.own,
    }));
    writeLines(screen, formatTable(COLUMNS, rows, { widthMax: screen.width }));
  }
}

/** @throws CommandFailure with the names there are */
function readAssignments(assignments: readonly string[]): Record<string, number> {
  const known = Object.keys(instrumentSettingsBody.shape);
  return Object.fromEntries(
    assignments.map((assignment) => {
      const [name = '', value = ''] = assignment.split('=', 2);
      if (known.includes(name) && value !== '') return [name, parseWhole(value)];
      throw new CommandFailure(
        EXIT_CODES.usage,
        `'${assignment}' is no setting of an instrument: give name=value, the names are ${known.join(', ')}`,
      );
    }),
  );
}
