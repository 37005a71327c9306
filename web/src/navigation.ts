/** The pages and their addresses, all behind `#`: the node serves one page and knows nothing of them. */

export type Place =
  | { readonly page: 'instruments' }
  | { readonly page: 'instrument'; readonly exchange: string; readonly symbol: string }
  | { readonly page: 'supervision' }
  | { readonly page: 'dead-letters' }
  | { readonly page: 'cluster' };

/** What the navigation offers, in this order. A new page has its line here and its branch in `parsePlace` and in the application. */
export const SECTIONS: readonly { readonly title: string; readonly place: Place }[] = [
  { title: 'Instruments', place: { page: 'instruments' } },
  { title: 'Supervision', place: { page: 'supervision' } },
  { title: 'Dead letters', place: { page: 'dead-letters' } },
  { title: 'Cluster', place: { page: 'cluster' } },
];

/** Returns the address of a place. */
export function linkTo(place: Place): string {
  if (place.page === 'instruments') return '#/';
  if (place.page === 'instrument')
    return `#/instruments/${place.exchange}/${encodeURIComponent(place.symbol)}`;
  return `#/${place.page}`;
}

/** Returns the place of an address; the instruments where there is no such place. */
export function parsePlace(hash: string): Place {
  const [first, exchange, symbol, ...rest] = hash.replace(/^#\/?/, '').split('/');
  if (first === 'supervision' || first === 'dead-letters' || first === 'cluster') return { page: first };
  if (first === 'instruments' && exchange && symbol && rest.length === 0) {
    try {
      return { page: 'instrument', exchange, symbol: decodeURIComponent(symbol) };
    } catch {
      // No text is written like that.
    }
  }
  return { page: 'instruments' };
}

/** Returns the section that a place belongs to. */
export function sectionOf(place: Place): Place['page'] {
  return place.page === 'instrument' ? 'instruments' : place.page;
}
