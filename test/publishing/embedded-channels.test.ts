import { describeRedisChannels } from './redis-channels-contract.ts';
import { createEmbeddedServer } from './servers-under-test.ts';

describeRedisChannels('the embedded server', createEmbeddedServer);
