/** Postgres text holds no NUL, and a hostile frame may. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
