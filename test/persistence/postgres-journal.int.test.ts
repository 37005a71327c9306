import { describeJournal } from '../suites/journal-suite.ts';
import { openJournalStore, openRealDatabase } from '../support/postgres-store.ts';

describeJournal('on Postgres', () => openJournalStore(openRealDatabase));
