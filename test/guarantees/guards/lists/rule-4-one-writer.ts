import type { Guard } from '../guard.ts';

/** One writer per instrument, fenced by an epoch. */
export const oneWriter: readonly Guard[] = [
  {
    holds: 4,
    name: 'An append compares the epoch of its claim',
    file: 'src/persistence/journal-lane.ts',
    text: 'WHERE id = $1 AND epoch = $2 FOR SHARE)\n    INSERT INTO',
    without: 'WHERE id = $1 AND $2::int IS NOT NULL FOR SHARE)\n    INSERT INTO',
    tests: [
      {
        file: 'test/persistence/postgres-journal.int.test.ts',
        name: 'lets the stale owner write no batch and no snapshot',
      },
    ],
  },
  {
    holds: 4,
    name: 'An append locks the fence row, so that a claim and a write never cross',
    file: 'src/persistence/journal-lane.ts',
    text: 'AND epoch = $2 FOR SHARE)\n    INSERT INTO',
    without: 'AND epoch = $2)\n    INSERT INTO',
    tests: [
      {
        file: 'test/persistence/connection-loss.int.test.ts',
        name: 'keeps the fence: an append that waits behind an uncommitted claim writes nothing after it',
      },
    ],
  },
  {
    holds: 4,
    name: 'A state snapshot compares the epoch of its claim',
    file: 'src/persistence/state-snapshots.ts',
    text: 'WHERE id = $1 AND epoch = $2 FOR SHARE),\n    given',
    without: 'WHERE id = $1 AND $2::int IS NOT NULL FOR SHARE),\n    given',
    tests: [
      {
        file: 'test/persistence/postgres-journal.int.test.ts',
        name: 'lets the stale owner write no batch and no snapshot',
      },
    ],
  },
  {
    holds: 4,
    name: 'Each claim has a larger epoch',
    file: 'src/persistence/postgres-journal.ts',
    text: 'SET epoch = held.epoch + 1,',
    without: 'SET epoch = held.epoch,',
    tests: [
      {
        file: 'test/persistence/postgres-journal.int.test.ts',
        name: 'gives each claim on a shard a larger epoch',
      },
    ],
  },
  {
    holds: 4,
    name: 'Redis compares epochs before sequences',
    file: 'src/publishing/scripts.ts',
    text: '  if tonumber(heldEpoch) ~= epoch then return epoch - tonumber(heldEpoch) end\n',
    without: '',
    tests: [
      {
        file: 'test/publishing/real-publisher.int.test.ts',
        name: 'an older epoch or sequence never overwrites, and is counted',
      },
    ],
  },
  {
    holds: 4,
    name: 'The embedded Redis compares epochs before sequences',
    file: 'src/publishing/value-head.ts',
    text: 'return a.epoch === b.epoch ? a.seq - b.seq : a.epoch - b.epoch;',
    without: 'return a.seq - b.seq;',
    tests: [
      {
        file: 'test/publishing/embedded-publisher.test.ts',
        name: 'an older epoch or sequence never overwrites, and is counted',
      },
      { file: 'test/publishing/redis-documents.test.ts', name: 'the epoch decides before the sequence' },
    ],
  },
  {
    holds: 4,
    name: 'Keys that a newer epoch took over are not let expire by the older one',
    file: 'src/publishing/scripts.ts',
    text: "if order(tonumber(ARGV[i + 1]), 9007199254740991, held) >= 0 then redis.call('PEXPIRE', KEYS[i], ARGV[1]) end",
    without: "redis.call('PEXPIRE', KEYS[i], ARGV[1])",
    tests: [
      {
        file: 'test/publishing/real-publisher.int.test.ts',
        name: 'keys of a stopped instrument expire, those that a newer epoch took over live on',
      },
    ],
  },
  {
    holds: 4,
    name: 'A list of closed candles takes none of an older epoch',
    file: 'src/publishing/scripts.ts',
    text: '    if isOld and not isThere then\n      rejected = rejected + 1\n    elseif isList and not isThere then',
    without: '    if isList and not isThere then',
    tests: [
      {
        file: 'test/publishing/real-publisher.int.test.ts',
        name: 'several candles closed by one log entry are all kept, those of an older epoch are refused',
      },
    ],
  },
  {
    holds: 4,
    name: 'A lane that was fenced once sends nothing more',
    file: 'src/persistence/journal-lane.ts',
    text: "    if (failure.code === 'FENCED') this.#fenced = failure;\n",
    without: '',
    tests: [
      {
        file: 'test/persistence/journal-lane.test.ts',
        name: 'a lane that was fenced once sends nothing more',
      },
    ],
  },
  {
    holds: 4,
    name: 'A fenced actor lets go without another write',
    file: 'src/actors/kernel/actor-cell.ts',
    text: "    if (errorClass === 'fenced') {",
    without: "    if (errorClass === 'fenced' && place.isInRecovery) {",
    tests: [
      {
        file: 'test/actors/kernel/persistent-actor.test.ts',
        name: 'a fenced write lets the actor go without another write',
      },
      { file: 'test/actors/kernel/supervision.test.ts', name: 'a fenced actor lets go' },
    ],
  },
  {
    holds: 4,
    name: 'A node whose lease ran out says nothing',
    file: 'src/publishing/lease-wait.ts',
    text: 'this.#lease?.isHeld() ?? true;',
    without: 'this.#lease !== null;',
    tests: [
      {
        file: 'test/publishing/embedded-publisher.test.ts',
        name: 'a lease that is lost between two scripts of one round holds the second back',
      },
    ],
  },
  {
    holds: 4,
    name: 'A lease runs out by the clock that freezing does not stop',
    file: 'src/supervision/lease.ts',
    text: 'return !this.#isFenced && this.remainingMs(now) > 0;',
    without: 'return !this.#isFenced || this.remainingMs(now) > 0;',
    tests: [
      { file: 'test/supervision/lease.test.ts', name: 'a lease runs from before the question was sent' },
      { file: 'test/actors/lease-keeper.test.ts', name: 'it is lost to the millisecond' },
    ],
  },
  {
    holds: 4,
    name: 'What waits for a client of the stream is sent under the lease only',
    file: 'src/admin/gateway/outbox.ts',
    text: 'if (message.needsLease && !options.mayPromise) continue;',
    without: 'if (message.needsLease && !options.mayPromise && this.#eventCount < 0) continue;',
    tests: [
      {
        file: 'test/admin/gateway/gateway-session.test.ts',
        name: 'values and trades wait, marks are told at once',
      },
    ],
  },
  {
    holds: 4,
    name: 'A node that was replaced tells readers of the stream nothing more',
    file: 'src/build-core.ts',
    text: '    channels.close(FENCED_REASON);\n',
    without: '',
    tests: [
      { file: 'test/build-node.test.ts', name: 'a node that was replaced leaves its readers in doubt' },
    ],
  },
  {
    holds: 4,
    name: 'A slot that was not confirmed in time is lost by the clock of who held it',
    file: 'src/cluster/ingest-leases.ts',
    text: '?.lease.isHeldAt(momentOf(this.#options.clock)) ?? false;',
    without: ' !== undefined;',
    tests: [
      { file: 'test/cluster/ingest-leases.test.ts', name: 'are lost at once by a node that was frozen' },
      { file: 'test/cluster/ingest-leases.test.ts', name: 'never have two feeders' },
    ],
  },
  {
    holds: 4,
    name: 'The lease of a slot runs from before the question, when it is taken and when it is renewed',
    file: 'src/cluster/ingest-leases.ts',
    text: 'lease: new Lease(leaseMs, sent)',
    without: 'lease: new Lease(leaseMs, momentOf(clock))',
    also: [
      {
        file: 'src/cluster/ingest-leases.ts',
        text: 'held.lease.confirm(sent);',
        without: 'held.lease.confirm(momentOf(this.#options.clock));',
      },
    ],
    tests: [
      {
        file: 'test/cluster/ingest-leases.test.ts',
        name: 'run from before the question was sent, however late its answer comes',
      },
    ],
  },
  {
    holds: 4,
    name: 'A slot is taken from another node only when its lease ran out or was given up',
    file: 'src/persistence/lease-table.ts',
    text: "WHERE known.holder IS NULL OR known.renewed_at <= clock_timestamp() - $6::int * interval '1 ms'",
    without: 'WHERE $5::int IS NOT NULL',
    tests: [
      {
        file: 'test/persistence/lease-table.int.test.ts',
        name: 'gives it to somebody else only when it was not renewed for its time',
      },
    ],
  },
  {
    holds: 4,
    name: 'A slot that was given up is not held again under the same epoch',
    file: 'src/cluster/ingest-leases.ts',
    text: ' && this.#givenUp.get(name) !== row.epoch ? [row] : [];',
    without: ' ? [row] : [];',
    also: [
      {
        file: 'src/cluster/ingest-leases.ts',
        text: ' || this.#givenUp.get(name) === row.epoch)',
        without: ')',
      },
    ],
    tests: [
      {
        file: 'test/cluster/ingest-leases.test.ts',
        name: 'is not held again under its epoch when it is wanted again',
      },
    ],
  },
];
