/** The tab's title and icon: what it shows, and the status of it. */
import { useEffect } from 'react';
import type { Status } from '@/events/status';

const PRODUCT = 'LangGraph Multi-Agent';
const COLOURS: Readonly<Record<Status, string>> = {
  pending: '#8d877c',
  running: '#2563eb',
  waiting_input: '#d97706',
  paused: '#8d877c',
  completed: '#15803d',
  failed: '#c42b21',
  cancelled: '#8d877c',
};
const SHAPES: Readonly<Record<Status, string>> = {
  pending: '<circle cx="24" cy="24" r="5" fill="#fff" stroke="C" stroke-width="3"/>',
  running: '<circle cx="24" cy="24" r="5" fill="#fff" stroke="C" stroke-width="3"/><path d="M24 18a6 6 0 0 0 0 12Z" fill="C"/>',
  waiting_input: '<path d="m24 16 8 8-8 8-8-8Z" fill="C"/>',
  paused: '<path d="M21 18v12m6-12v12" stroke="C" stroke-width="4"/>',
  completed: '<circle cx="24" cy="24" r="7" fill="C"/>',
  failed: '<path d="m24 16 8 15H16Z" fill="C"/>',
  cancelled: '<g fill="#fff" stroke="C" stroke-width="3"><circle cx="24" cy="24" r="6"/><path d="m20 28 8-8"/></g>',
};

export function faviconOf(status: Status): string {
  const badge = SHAPES[status].replaceAll('C', COLOURS[status]);
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="28" height="28" rx="7" fill="#4f46e5"/>' +
    '<g fill="none" stroke="#fff" stroke-width="2"><path d="M9 14h4m2-1.5 4-4"/></g><circle cx="8" cy="14" r="2.6" fill="#fff"/>' +
    `<circle cx="20" cy="8" r="2.6" fill="#fff"/><circle cx="24" cy="24" r="9" fill="#fff"/>${badge}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Name the page while it stands; a status gets its mark on the tab's icon. */
export function useTitle(title: string, status: Status | null = null): void {
  useEffect(() => {
    document.title = title === '' ? PRODUCT : `${title} · ${PRODUCT}`;
  }, [title]);
  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (!icon || status === null) return;
    icon.href = faviconOf(status);
    return () => {
      icon.href = '/icon.svg';
    };
  }, [status]);
}
