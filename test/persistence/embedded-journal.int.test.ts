import { describeJournal } from '../suites/journal-suite.ts';
import { openEmbeddedDatabase, openJournalStore } from '../support/postgres-store.ts';

describeJournal('on embedded Postgres', () => openJournalStore(openEmbeddedDatabase));
