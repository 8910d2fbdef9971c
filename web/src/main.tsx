import { createRoot } from 'react-dom/client';
import { App } from './app';
import './app.css';
import { startPreferences } from './preferences/store';

startPreferences();
const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);
