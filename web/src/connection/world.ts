/** What the connection needs of its surroundings; tests give their own. */

export interface Socket {
  readonly send: (text: string) => void;
  readonly close: () => void;
}

export interface SocketEvents {
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  /** Called once, also where it never opened. */
  readonly onClose: () => void;
}

export interface World {
  readonly open: (url: string, events: SocketEvents) => Socket;
  /** Calls back after `ms`; the answer cancels it. */
  readonly after: (ms: number, call: () => void) => () => void;
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly isNetworkUp: () => boolean;
  /** Tells when the network comes or goes, or the tab is looked at again. */
  readonly onWake: (call: () => void) => () => void;
}

export const browserWorld: World = {
  open(url, events) {
    const socket = new WebSocket(url);
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      events.onClose();
    };
    socket.onopen = events.onOpen;
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (!isOver && typeof message.data === 'string') events.onText(message.data);
    };
    socket.onclose = end;
    return {
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      // A dead network answers a close after minutes: it counts as closed at once.
      close: () => {
        socket.close();
        end();
      },
    };
  },
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  now: () => Date.now(),
  random: () => Math.random(),
  isNetworkUp: () => navigator.onLine,
  onWake(call) {
    const look = () => {
      if (document.visibilityState === 'visible') call();
    };
    addEventListener('online', call);
    addEventListener('offline', call);
    document.addEventListener('visibilitychange', look);
    return () => {
      removeEventListener('online', call);
      removeEventListener('offline', call);
      document.removeEventListener('visibilitychange', look);
    };
  },
};
