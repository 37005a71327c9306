/** What is sent to one actor: taken into its mailbox or refused, and never lost without a dead letter. */
import { TampinesError } from '../../base/errors.ts';
import type { ActorMessage, ActorStatus, DeadLetterReason } from './actor-types.ts';
import type { CellSpec } from './cell-spec.ts';
import { Mailbox, type Envelope } from './mailbox.ts';
import { describeMessage, type Reports } from './reports.ts';

export class Inbox {
  readonly #path: string;
  readonly #spec: CellSpec;
  readonly #reports: Reports;
  readonly #mailbox = new Mailbox();

  constructor(path: string, spec: CellSpec, reports: Reports) {
    this.#path = path;
    this.#spec = spec;
    this.#reports = reports;
  }

  get length(): number {
    return this.#mailbox.length;
  }

  /** Returns whether the message was taken; if not it is a dead letter already. */
  offer(envelope: Envelope, status: ActorStatus): boolean {
    const refusal = this.#refusal(status);
    if (refusal === undefined) this.#mailbox.push(envelope);
    else this.deadLetter(envelope, refusal);
    return refusal === undefined;
  }

  #refusal(status: ActorStatus): DeadLetterReason | undefined {
    if (status === 'parked' || status === 'stopping') return status;
    return this.#mailbox.length >= this.#spec.mailboxMaxMessages ? 'mailbox-full' : undefined;
  }

  /** Puts a failure outside of a handler before all messages. */
  putFault(error: unknown, incarnation: number): void {
    this.#mailbox.pushFirst({ message: undefined, fault: { error, incarnation } });
  }

  take(): Envelope | undefined {
    return this.#mailbox.take();
  }

  deadLetter(envelope: Envelope, reason: DeadLetterReason, cause = ''): void {
    if (envelope.fault !== undefined) return;
    this.#reports.deadLetter(this.#path, reason, this.describe(envelope), cause);
    envelope.reject?.(unavailable(this.#path, reason));
  }

  /** Turns all waiting messages into dead letters; `undefined` drops them silently. */
  dropAll(reason: DeadLetterReason | undefined, cause: string): void {
    for (const envelope of this.#mailbox.takeAll()) {
      if (reason === undefined) envelope.reject?.(unavailable(this.#path, 'stopped'));
      else this.deadLetter(envelope, reason, cause);
    }
  }

  describe(envelope: Envelope): string {
    return describeMessage(this.#spec.describe, envelope.message as ActorMessage);
  }
}

export function unavailable(path: string, reason: string): TampinesError {
  return new TampinesError('ACTOR_UNAVAILABLE', `Actor ${path} can not be reached: ${reason}`, {
    fields: { path, reason },
  });
}
