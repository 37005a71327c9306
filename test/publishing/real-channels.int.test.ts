import { describeRedisChannels } from './redis-channels-contract.ts';
import { createRealServer } from './servers-under-test.ts';

describeRedisChannels('redis-server', createRealServer);
