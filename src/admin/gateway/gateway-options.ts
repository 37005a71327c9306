/** What the gateway is made of; everything is handed in. */
import type { LiveChannels, PublishLease } from '../../actors/ports.ts';
import type { Clock, Timers } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { AccessOptions } from '../access.ts';
import type { ChannelDirectoryOptions } from './channel-directory.ts';

export type GatewayOptions = ChannelDirectoryOptions &
  AccessOptions & {
    readonly clock: Clock;
    readonly timers: Timers;
    readonly log: Log;
    /** Name of this node. */
    readonly node: string;
    readonly channels: LiveChannels;
    /** Without it, what promises something waits. */
    readonly lease: PublishLease;
    /** Origins of web pages that may connect, beside our own; `*`: any. */
    readonly allowedOrigins: readonly string[];
  };
