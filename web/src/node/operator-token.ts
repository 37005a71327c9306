/** The token that changes need. It lives as long as the tab, and goes nowhere but into requests to the node. */
const KEY = 'tampines.token';

export function operatorToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}
