/**
 * A published document that is marked stale by somebody who does not know what else is in it: the publisher for a value that waits, and the
 * embedded server's twin of the `mark-stale` script for one that is held. Both change these two fields and leave every other byte alone.
 */

/** Status and reason as documents write them, the reason with its escapes. A document says them once, before anything a market could contain. */
const STATUS = /"status":"(?:live|stale)","reason":"(?:[^"\\]|\\.)*"/;

/** Returns the document with status `stale` and the reason, given as JSON text; as it is where it is `empty` or has no status. */
export function toStaleText(document: string, reasonJson: string): string {
  const stale = `"status":"stale","reason":${reasonJson}`;
  return document.replace(STATUS, () => stale);
}

/** Whether the document says of its book that it is live or stale. */
export function isMarkable(document: string): boolean {
  return STATUS.test(document);
}
