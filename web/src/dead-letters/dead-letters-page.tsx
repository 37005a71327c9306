/** What could not be understood or delivered: how much of it, and the newest of each, raw. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { DeadLetterCountsAnswer, DeadLettersAnswer } from '../node/rest-documents.ts';
import { useAnswer } from '../node/use-answer.ts';
import { dateTimeText } from '../text/time-text.ts';

const EVERY_MS = 3_000;
const SHOWN_LETTERS = 200;

export function DeadLettersPage(): JSX.Element {
  const [exchange, setExchange] = useState('');
  const [reason, setReason] = useState('');
  const counts = useAnswer<DeadLetterCountsAnswer>('/v1/dead-letters/counts', EVERY_MS);
  const query = exchange === '' ? '' : `&exchange=${exchange}`;
  const letters = useAnswer<DeadLettersAnswer>(`/v1/dead-letters?limit=${SHOWN_LETTERS}${query}`, EVERY_MS);
  const shown = letters.answer?.deadLetters.filter((letter) => reason === '' || letter.reason === reason);
  const total = counts.answer?.counts.reduce((sum, { count }) => sum + count, 0);
  const choose = (chosen: { exchange: string; reason: string }): void => {
    const isChosen = chosen.exchange === exchange && chosen.reason === reason;
    setExchange(isChosen ? '' : chosen.exchange);
    setReason(isChosen ? '' : chosen.reason);
  };
  return (
    <div class="dead-letters">
      <section class="panel" aria-label="Counts">
        <header>
          <h2>Dead letters</h2>
          <span class="count">{total === undefined ? '' : `${total} in all`}</span>
        </header>
        <ul class="letter-counts figures">
          {counts.answer?.counts.map((each) => (
            <li key={`${each.exchange} ${each.reason}`}>
              <button
                type="button"
                aria-pressed={each.exchange === exchange && each.reason === reason}
                onClick={() => choose(each)}
              >
                <b>{each.count}</b>
                <span>{each.exchange}</span>
                <em>{each.reason}</em>
              </button>
            </li>
          ))}
        </ul>
        {total === 0 && <p class="nothing">None: everything that came was understood and delivered.</p>}
        {counts.failure !== undefined && <p class="is-ill panel-failure">{counts.failure}</p>}
      </section>
      <section class="panel letter-panel" aria-label="Newest dead letters">
        <header>
          <h2>Newest</h2>
          <span class="count">
            {exchange === ''
              ? `the newest ${SHOWN_LETTERS} of all`
              : `${exchange}, ${reason} among its newest ${SHOWN_LETTERS}`}
          </span>
        </header>
        {letters.failure !== undefined && <p class="is-ill panel-failure">{letters.failure}</p>}
        <ol class="letters figures" tabIndex={0} aria-label="Newest dead letters">
          {shown?.map((letter, index) => (
            <li key={`${letter.timeMs} ${letter.symbol} ${letter.reason} ${index}`}>
              <details>
                <summary>
                  <time>{dateTimeText(letter.timeMs)}</time>
                  <b>{letter.reason}</b>
                  <span>
                    {letter.exchange} {letter.symbol ?? ''}
                  </span>
                  <span class="why">{letter.detail}</span>
                </summary>
                <pre tabIndex={0}>{letter.text}</pre>
              </details>
            </li>
          ))}
        </ol>
        {shown?.length === 0 && <p class="nothing">Nothing to show</p>}
      </section>
    </div>
  );
}
