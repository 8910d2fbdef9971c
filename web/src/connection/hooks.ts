/** The connection in components. */
import { createContext, useContext, useEffect, useRef, useSyncExternalStore } from 'react';
import type { Data } from '@/events/event';
import type { AgentFollower, AllFollower, Connection, ConnectionStatus } from './connection';

export const ConnectionContext = createContext<Connection | null>(null);

export function useConnection(): Connection {
  const connection = useContext(ConnectionContext);
  if (connection === null) throw new Error('no connection around this component');
  return connection;
}

export function useConnectionStatus(): ConnectionStatus {
  const connection = useConnection();
  return useSyncExternalStore(
    (listener) => connection.onStatus(listener),
    () => connection.status,
  );
}

/** Every event of every task while the component stands; `onGap`: load the list anew. */
export function useAllTasks(follower: AllFollower): void {
  const connection = useConnection();
  const newest = useRef(follower);
  useEffect(() => {
    newest.current = follower;
  });
  useEffect(
    () =>
      connection.followAll({
        onEvent: (delivery) => newest.current.onEvent(delivery),
        onGap: () => newest.current.onGap(),
      }),
    [connection],
  );
}

export function useChatMessages(onMessage: (data: Data) => void): void {
  const connection = useConnection();
  const newest = useRef(onMessage);
  useEffect(() => {
    newest.current = onMessage;
  });
  useEffect(() => connection.followChat((data) => newest.current(data)), [connection]);
}

export function useAgentStatus(follower: AgentFollower): void {
  const connection = useConnection();
  const newest = useRef(follower);
  useEffect(() => {
    newest.current = follower;
  });
  useEffect(
    () =>
      connection.followAgents({
        onSnapshot: (agents) => newest.current.onSnapshot(agents),
        onAgent: (agent) => newest.current.onAgent(agent),
      }),
    [connection],
  );
}
