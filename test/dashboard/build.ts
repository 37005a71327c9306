/** What is tested in the browser is what is in the sources now. */
import { buildDashboard } from '../../scripts/build-dashboard.mjs';

export async function setup(): Promise<void> {
  await buildDashboard();
}
