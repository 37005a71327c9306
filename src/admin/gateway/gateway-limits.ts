/** What clients of the stream may take of a node, all in one place; docs/limits.md says what happens at each. */

/** Clients that are connected at once, beside the connections of the REST. */
export const GATEWAY_CLIENTS_MAX = 2_000;
/** Clients that are taken within one second. */
export const HANDSHAKES_PER_SECOND_MAX = 500;
/** Bytes of one message of a client. */
export const MESSAGE_MAX_BYTES = 16 * 1024;
/** Frames of one client within a second, pings and pongs too. */
export const MESSAGES_PER_SECOND_MAX = 50;
/** Channels named in one message. */
export const CHANNELS_PER_MESSAGE_MAX = 100;
/** Channels that one client reads; so many of its values may wait, each the latest of its channel. */
export const CLIENT_CHANNELS_MAX = 256;
/** Messages of one client that wait and can't give way to a newer one: trades, closed candles, supervision events, answers. */
export const CLIENT_EVENTS_MAX = 1_024;
/** Bytes of these, about. */
export const CLIENT_EVENTS_MAX_BYTES = 1024 * 1024;
/** Bytes of these of all clients. They share what they were told, so less memory than that is held. */
export const ALL_EVENTS_MAX_BYTES = 128 * 1024 * 1024;

/** The oldest message that waits for a client to read is as old as that: it is warned. */
export const WARN_LATE_MS = 5_000;
/** The same: it is disconnected. */
export const DISCONNECT_LATE_MS = 15_000;
/** How often a client is asked for a sign of life. One that gave none since the last time is gone. */
export const PING_EVERY_MS = 20_000;
/** What a client that is disconnected has to take the reason. */
export const CLOSE_GRACE_MS = 2_000;
/** How often clients are looked at. */
export const LOOK_EVERY_MS = 1_000;

/** Messages from that size on are compressed for those who take it. */
export const DEFLATE_MIN_BYTES = 1_024;
