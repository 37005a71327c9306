/** Light and dark: as the system says, or as somebody chose here. Colours are those of the style sheet, also for what is drawn on a canvas. */
import { Store } from './state/store.ts';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'tampines.theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export const theme = new Store<Theme>(stored());
/** Grows with each change of colours, whoever made it. */
export const paletteNumber = new Store(0);

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return THEMES.find((each) => each === value) ?? 'system';
}

export function applyTheme(): void {
  const chosen = theme.get();
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
  paletteNumber.set(paletteNumber.get() + 1);
}

/** Light, dark, as the system says, and round again. */
export function switchTheme(): void {
  const next = THEMES[(THEMES.indexOf(theme.get()) + 1) % THEMES.length]!;
  if (next === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  theme.set(next);
  applyTheme();
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  paletteNumber.set(paletteNumber.get() + 1);
});

export type Palette = Readonly<Record<'text' | 'muted' | 'line' | 'bid' | 'ask' | 'panel', string>>;

/** Returns the colours in force; a variable that names two of them is only resolved on an element. */
export function readPalette(): Palette {
  const probe = document.createElement('span');
  document.body.append(probe);
  const colorOf = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const palette = {
    text: colorOf('text'),
    muted: colorOf('muted'),
    line: colorOf('line-soft'),
    bid: colorOf('bid'),
    ask: colorOf('ask'),
    panel: colorOf('panel'),
  };
  probe.remove();
  return palette;
}

/** Returns a colour of the palette, let through so much (0 to 1). */
export function translucent(color: string, opacity: number): string {
  return color.replace(/^rgba?\((\d+), (\d+), (\d+).*$/, `rgba($1, $2, $3, ${opacity})`);
}
