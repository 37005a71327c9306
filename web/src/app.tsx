/** The frame around every page: where one can go, whether the node is there, and that nothing is to be trusted while it is not. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ClusterPage } from './cluster/cluster-page.tsx';
import { DeadLettersPage } from './dead-letters/dead-letters-page.tsx';
import type { Place } from './navigation.ts';
import { SECTIONS, linkTo, parsePlace, sectionOf } from './navigation.ts';
import type { LinkStatus } from './node/node-link.ts';
import { nodeLink } from './node/node-link.ts';
import { OverviewPage } from './overview/overview-page.tsx';
import { loadedLater } from './parts/loaded-later.tsx';
import { OperationDialog } from './parts/operation-dialog.tsx';
import { useSeconds } from './parts/use-seconds.ts';
import { useStore } from './state/store.ts';
import { SupervisionPage } from './supervision/supervision-page.tsx';
import { clockText } from './text/time-text.ts';
import { switchTheme, theme } from './theme.ts';

/** With it comes the library that draws candles, which is more than all the rest. */
const InstrumentPage = loadedLater(async () => {
  const { InstrumentPage: page } = await import('./instrument/instrument-page.tsx');
  return page;
});

export function App(): JSX.Element {
  const place = usePlace();
  const link = useStore(nodeLink.status);
  const isLost = link.state === 'lost';
  return (
    <>
      <a class="skip-link" href="#main" onClick={skipToMain}>
        Skip to the page
      </a>
      <header class="shell-head">
        <a class="shell-name" href={linkTo({ page: 'instruments' })}>
          <img src="/icon.svg" alt="" width="20" height="20" />
          Tampines
        </a>
        <nav class="shell-nav" aria-label="Pages">
          {SECTIONS.map((section) => (
            <a
              key={section.title}
              href={linkTo(section.place)}
              aria-current={section.place.page === sectionOf(place) ? 'page' : undefined}
            >
              {section.title}
            </a>
          ))}
        </nav>
        <LinkMark link={link} />
        <ThemeSwitch />
      </header>
      <div role="status" aria-live="assertive">
        {isLost && (
          <p class="lost-bar">
            <strong>No connection to the node</strong>
            <span>
              {link.reason}. Everything below is as it was at {clockText(link.sinceMs)} UTC and may be wrong.
              Trying again.
            </span>
          </p>
        )}
      </div>
      <main id="main" tabIndex={-1} class={isLost ? 'is-lost' : ''}>
        <Page place={place} />
      </main>
      <footer class="shell-foot">
        <a href="/docs">REST</a>
        <a href="https://www.tradingview.com/" rel="noreferrer">
          Candle chart: Lightweight Charts by TradingView
        </a>
      </footer>
      <OperationDialog />
    </>
  );
}

function Page({ place }: { readonly place: Place }): JSX.Element {
  switch (place.page) {
    case 'instruments':
      return <OverviewPage />;
    case 'instrument':
      return <InstrumentPage key={linkTo(place)} exchange={place.exchange} symbol={place.symbol} />;
    case 'supervision':
      return <SupervisionPage />;
    case 'dead-letters':
      return <DeadLettersPage />;
    case 'cluster':
      return <ClusterPage />;
  }
}

function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const listen = (): void => {
      setHash(location.hash);
      scrollTo(0, 0);
    };
    addEventListener('hashchange', listen);
    return () => removeEventListener('hashchange', listen);
  }, []);
  return parsePlace(hash);
}

/** The address is the router's, so the anchor can't be. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')!.focus();
}

function LinkMark({ link }: { readonly link: LinkStatus }): JSX.Element {
  useSeconds();
  const text = link.state === 'open' ? link.node : link.state === 'lost' ? 'no connection' : 'connecting';
  return (
    <span class={`link-mark link-${link.state}`}>
      <i aria-hidden="true" />
      <b>{text}</b>
      <time title="Time of the node, UTC">{clockText(nodeLink.nowMs())}</time>
    </span>
  );
}

function ThemeSwitch(): JSX.Element {
  const chosen = useStore(theme);
  return (
    <button type="button" class="theme-switch" onClick={switchTheme} title="Colours: system, light or dark">
      <span aria-hidden="true">{chosen === 'system' ? '◐' : chosen === 'light' ? '○' : '●'}</span>
      <span class="wide-only">{chosen}</span>
      <span class="unseen">colours</span>
    </button>
  );
}
