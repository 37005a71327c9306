import { describePublisher } from './publisher-contract.ts';
import { createEmbeddedServer } from './servers-under-test.ts';

describePublisher('the embedded server', createEmbeddedServer);
