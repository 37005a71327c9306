export function buildDashboard(options?: { readonly isAlways?: boolean }): Promise<boolean>;
