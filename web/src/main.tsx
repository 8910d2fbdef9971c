import { createRoot } from 'react-dom/client';
import { App, begin } from './app';
import './app.css';
import { startPreferences } from './preferences/store';

startPreferences();
const root = document.getElementById('root');
if (root) void begin().finally(() => createRoot(root).render(<App />));
