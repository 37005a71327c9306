import type { JSX } from 'preact';
import type { Arrangement } from './arrange-rows.ts';

type OverviewCounts = {
  readonly shown: number;
  readonly total: number;
  readonly live: number;
};

export function OverviewFilters(props: {
  readonly arrangement: Arrangement;
  /** What the others say stays: two may be changed before either is drawn. */
  readonly onChange: (changed: Partial<Arrangement>) => void;
  readonly exchanges: readonly string[];
  readonly counts: OverviewCounts;
}): JSX.Element {
  const { arrangement, onChange, exchanges, counts } = props;
  const notLive = counts.total - counts.live;
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        placeholder="Filter by name"
        aria-label="Filter by name"
        value={arrangement.contains}
        onInput={(event) => onChange({ contains: event.currentTarget.value })}
      />
      <select
        aria-label="Exchange"
        value={arrangement.exchange}
        onChange={(event) => onChange({ exchange: event.currentTarget.value })}
      >
        <option value="">All exchanges</option>
        {exchanges.map((exchange) => (
          <option key={exchange}>{exchange}</option>
        ))}
      </select>
      <select
        aria-label="Book"
        value={arrangement.trust}
        onChange={(event) => onChange({ trust: event.currentTarget.value as Arrangement['trust'] })}
      >
        <option value="">All books</option>
        <option value="live">Live</option>
        <option value="not-live">Not live</option>
      </select>
      <p class="counts">
        <span>
          <b>{counts.shown}</b> of {counts.total}
        </span>
        <span class="count-live">
          <b>{counts.live}</b> live
        </span>
        <span class={notLive > 0 ? 'count-not-live' : ''}>
          <b>{notLive}</b> not live
        </span>
      </p>
    </form>
  );
}
