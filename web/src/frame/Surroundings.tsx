/** What stands around a page: the frame, but not around the way in. */
import { Outlet, useLocation } from '@tanstack/react-router';
import { Frame } from './Frame';

export function Surroundings() {
  const isWayIn = useLocation({ select: ({ pathname }) => pathname === '/login' });
  return isWayIn ? <Outlet /> : <Frame />;
}
