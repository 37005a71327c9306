import { render } from 'preact';
import { App } from './app.tsx';
import { learnPublishing } from './node/publishing.ts';
import { applyTheme } from './theme.ts';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/instruments.css';
import './styles/instrument.css';
import './styles/operations.css';
import './styles/cluster.css';

applyTheme();
void learnPublishing();
render(<App />, document.getElementById('app')!);
