/** Tells that the server does not know this browser any more, and tabs of each other's log-ins and log-outs. */

type Listener = (isChange: boolean) => void;
const listeners = new Set<Listener>();

/** A request was refused for want of a session; `isChange`: somebody wanted to change something. */
export function sessionRefused(isChange: boolean): void {
  for (const listener of [...listeners]) listener(isChange);
}

export function onSessionRefused(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export type Turn = 'in' | 'out';
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('lgma.session');

/** To the other tabs of this browser. */
export function tellTabs(turn: Turn): void {
  channel?.postMessage(turn);
}

export function onOtherTab(listener: (turn: Turn) => void): () => void {
  const hear = (message: MessageEvent<unknown>) => {
    if (message.data === 'in' || message.data === 'out') listener(message.data);
  };
  channel?.addEventListener('message', hear);
  return () => channel?.removeEventListener('message', hear);
}

/** Asking who one is, logging in and out: their 401 says nothing of a session that ended. */
const OWN = '/api/v1/auth/';

export function isOfSession(address: string): boolean {
  return !new URL(address, location.href).pathname.includes(OWN);
}
