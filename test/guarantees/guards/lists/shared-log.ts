import type { Guard } from '../guard.ts';

const SHARED_LOG = 'test/actors/shared-log.test.ts';
const SHARD = 'test/actors/shards/shard.test.ts';
const KEEPER = 'test/actors/shards/shard-keeper.test.ts';
const LOG_MOVE = 'test/cluster/log-move.test.ts';
const LOG_MOVES = 'test/persistence/log-moves.int.test.ts';

/** What keeps an instrument right whose log is read by others, and moves from node to node with its shard. */
export const sharedLog: readonly Guard[] = [
  {
    holds: 1,
    name: 'A delivery that does not follow on the actor’s place in the shared log is not folded',
    file: 'src/actors/symbol.ts',
    text: 'if (logged !== undefined && logged.after !== context.batchNumber) {',
    without: 'if (logged !== undefined && logged.to <= context.batchNumber && logged.after < logged.to) {',
    tests: [{ file: SHARED_LOG, name: 'takes the delivery that follows on its place, and no other' }],
  },
  {
    holds: 1,
    name: 'A delivery that was meant for an actor’s life before is not folded',
    file: 'src/actors/symbol.ts',
    text: 'if (logged !== undefined && logged.life !== context.incarnation) return state;',
    without: '',
    tests: [{ file: SHARED_LOG, name: 'takes nothing that was meant for the life before' }],
  },
  {
    holds: 2,
    name: 'Nothing is published before the shared log was read to where it ended',
    file: 'src/actors/symbol.ts',
    text: 'if (!this.#isRecovering) this.#options.publications.publish(',
    without: 'this.#options.publications.publish(',
    tests: [{ file: SHARED_LOG, name: 'publishes nothing before it has caught up' }],
  },
  {
    holds: 2,
    name: 'An instrument has caught up when the log was read again to where it was, not when it had been once',
    file: 'src/actors/shards/shard.ts',
    text: 'if (this.#expectedOffset < catchUpTo || lane.firstOutstanding < catchUpTo) return;',
    without: 'if (this.#progress.readTo < catchUpTo || lane.firstOutstanding < catchUpTo) return;',
    tests: [{ file: SHARD, name: 'says that an instrument has caught up when the log was read again' }],
  },
  {
    holds: 4,
    name: 'The place of a shard in the log is saved under the fence',
    file: 'src/persistence/shard-positions.ts',
    text: 'greatest(next_position, $3) WHERE id = $1 AND epoch = $2`',
    without: 'greatest(next_position, $3) WHERE id = $1 AND $2::int IS NOT NULL`',
    tests: [
      {
        file: 'test/persistence/shard-positions.int.test.ts',
        name: 'is neither moved nor told under a claim that is not the newest',
      },
    ],
  },
  {
    holds: 4,
    name: 'A relay writes to the log only while its lease is held',
    file: 'src/actors/ingest/relay.ts',
    text: 'if (!isHeld()) return false;',
    without: '',
    tests: [{ file: 'test/actors/ingest/relay.test.ts', name: 'writes nothing while its lease is not held' }],
  },
  {
    holds: 4,
    name: 'Who can not read a shard’s log does not claim it',
    file: 'src/actors/shards/shard-keeper.ts',
    text: 'this.#given = new Set();\n    reader',
    without: 'reader',
    also: [
      {
        file: 'src/actors/shards/shard-keeper.ts',
        text: 'if (this.#reader === undefined || this.#held.get(shard) !== held)',
        without: 'if (this.#held.get(shard) !== held)',
      },
    ],
    tests: [{ file: KEEPER, name: 'claims nothing while it can read nothing' }],
  },
  {
    holds: 6,
    name: 'A shard that another node claimed while it began is begun again',
    file: 'src/actors/shards/shard-keeper.ts',
    text: "if (hasErrorCode(error, 'FENCED')) this.#lose(claim, held);",
    without: '',
    tests: [{ file: KEEPER, name: 'claims a shard again that another one claimed while it began' }],
  },
  {
    holds: 8,
    name: 'A book event of a source that is not followed any more is left out',
    file: 'src/market/decide.ts',
    text: 'if (!bookSources.counts(source, event)) continue;',
    without: '',
    tests: [
      {
        file: 'test/market/decide.test.ts',
        name: 'takes deltas of the one that it follows, and trades of both',
      },
    ],
  },
  {
    holds: 8,
    name: 'A book follows no source of a node whose lease another has taken',
    file: 'src/market/book-sources.ts',
    text: 'isAnnouncement(event) && this.standingOf(source) >= 0;',
    without: 'isAnnouncement(event);',
    tests: [
      {
        file: 'test/market/book-sources.test.ts',
        name: 'is not one of a node whose lease another has taken, whatever it announces',
      },
    ],
  },
  {
    holds: 8,
    name: 'A book that comes to a node is stale where nothing new has been read of its feeds',
    file: 'src/actors/shards/shard.ts',
    text: 'if (silentMs >= this.#options.silentAfterMs)\n',
    without: 'if (silentMs === 0)\n',
    tests: [{ file: SHARD, name: 'says before that its feed is silent' }],
  },
  {
    holds: 'trades',
    name: 'A shared log is read from the older state on where the newest can not be read',
    file: 'src/actors/shards/shard.ts',
    text: 'member.neededFrom = fellBack ? place : Math.max(place, nextOffset);',
    without: 'member.neededFrom = Math.max(place, nextOffset);',
    tests: [{ file: SHARD, name: 'reads the log from the older place on' }],
  },
  {
    holds: 'trades',
    name: 'No place of a shard is saved past what an instrument needs that fell back',
    file: 'src/actors/shards/shard-progress.ts',
    text: 'this.#savedTo.set(instrument, place);\n',
    without: '\n',
    tests: [
      {
        file: 'test/actors/shards/shard-progress.test.ts',
        name: 'holds the place of an instrument that fell back',
      },
    ],
  },
  {
    holds: 'trades',
    name: 'What is being read again for one instrument is not left out for another',
    file: 'src/actors/shards/shard.ts',
    text: 'this.#readFrom(Math.min(offset, this.#expectedOffset ?? offset));',
    without: 'this.#readFrom(offset);',
    tests: [{ file: SHARD, name: 'reads what the first to fail lacks' }],
  },
  {
    holds: 'trades',
    name: 'What was dropped while an actor took nothing is read again',
    file: 'src/actors/shards/log-lane.ts',
    text: 'if (this.#isHoled) {\n',
    without: 'if (this.#place < 0) {\n',
    tests: [
      {
        file: 'test/actors/shards/log-lane.test.ts',
        name: 'has what it dropped while its actor took nothing read again',
      },
    ],
  },
  {
    holds: 1,
    name: 'Places count on from beyond all of the log before when it is moved to another topic',
    file: 'src/cluster/log-move.ts',
    text: 'firstPlace: Math.max(from.newestStatePlace, ...ends),',
    without: 'firstPlace: Math.min(from.newestStatePlace, ...ends),',
    tests: [{ file: LOG_MOVE, name: 'goes on for every instrument with the record behind its state' }],
  },
  {
    holds: 1,
    name: 'A moved log holds no record that a state holds already',
    file: 'src/cluster/log-move.ts',
    text: 'place >= (statePlaces.get(instrument) ?? 0);',
    without: 'place >= Math.min(0, statePlaces.get(instrument) ?? 0);',
    tests: [{ file: LOG_MOVE, name: 'holds no record that a state holds already' }],
  },
  {
    holds: 'trades',
    name: 'A log that no longer reaches back to what is in no state is not moved',
    file: 'src/cluster/log-move.ts',
    text: 'if (fromPlace < firstPlace) {',
    without: 'if (fromPlace < firstPlace && fromPlace > endPlace) {',
    tests: [{ file: LOG_MOVE, name: 'is refused where the log no longer reaches back' }],
  },
  {
    holds: 'trades',
    name: 'What was written to a log while it was moved is not left behind',
    file: 'src/cluster/log-move.ts',
    text: 'if (ranges[shard]?.endPlace !== endPlace) {',
    without: 'if (ranges[shard] === undefined) {',
    tests: [{ file: LOG_MOVE, name: 'is given up where something was written meanwhile' }],
  },
  {
    holds: 4,
    name: 'A log is not moved below states that were saved meanwhile',
    file: 'src/persistence/log-moves.ts',
    text: "running: isAsRead ? running : [...running, 'shards were claimed or states saved meanwhile'],",
    without: 'running: isAsRead ? running : [...running],',
    tests: [{ file: LOG_MOVES, name: 'says where a state was saved since it was read' }],
  },
  {
    holds: 4,
    name: 'Nobody saves a state while the log is moved',
    file: 'src/persistence/log-moves.ts',
    text: 'FROM ${schema}.shard ORDER BY id FOR UPDATE`',
    without: 'FROM ${schema}.shard ORDER BY id`',
    tests: [{ file: LOG_MOVES, name: 'lets no node come to life while it is moved' }],
  },
  {
    holds: 4,
    name: 'Of two attempts to move a log the newest alone comes to its end',
    file: 'src/persistence/log-moves.ts',
    text: 'if (lastGeneration !== to.generation) throw logMovedError(to.generation, lastGeneration);',
    without: '',
    tests: [{ file: LOG_MOVES, name: 'is moved by the newest attempt alone' }],
  },
  {
    holds: 4,
    name: 'No epoch falls when instruments come to other shards with a moved log',
    file: 'src/persistence/log-moves.ts',
    text: 'const epoch = Math.max(0, ...from.shards.map((shard) => shard.epoch)) + 1;',
    without: 'const epoch = Math.min(1, ...from.shards.map((shard) => shard.epoch)) + 1;',
    tests: [{ file: LOG_MOVES, name: 'is another one in one transaction' }],
  },
  {
    holds: 4,
    name: 'No node comes to life by a log that another topic has taken the place of',
    file: 'src/persistence/node-table.ts',
    text: 'FROM ${schema}.event_log WHERE generation = $7 FOR SHARE)',
    without: 'FROM ${schema}.event_log WHERE generation = $7)',
    tests: [{ file: LOG_MOVES, name: 'lets no node come to life while it is moved' }],
  },
  {
    holds: 4,
    name: 'A node that was frozen while its log was moved ends',
    file: 'src/cluster/cluster-membership.ts',
    text: "if (hasErrorCode(error, 'EVENT_LOG_MOVED')) this.#end(error.fields, LOG_MOVED);\n        else this",
    without: 'this',
    tests: [
      {
        file: 'test/cluster/cluster-membership.test.ts',
        name: 'neither starts nor goes on where the log that it works by was moved',
      },
    ],
  },
  {
    holds: 4,
    name: 'A shard’s place is told only to who reads the log that it is a place of',
    file: 'src/persistence/shard-positions.ts',
    text: 'await requireGeneration(this.#database, this.#logGeneration);',
    without: '',
    tests: [{ file: LOG_MOVES, name: 'is another one in one transaction' }],
  },
];
