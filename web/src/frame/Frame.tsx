/** The frame around every page: rail, top bar, banner, palette, help, and the keys that work everywhere. */
import { Outlet, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '@/api/access';
import { SessionEnd } from '@/features/login/SessionEnd';
import { useWords } from '@/i18n/words';
import { Banner } from './Banner';
import { Help } from './Help';
import { useKeys } from './keys';
import { Palette } from './Palette';
import { Rail } from './Rail';
import { TopBar } from './TopBar';
import { words } from './words';

export function Frame() {
  const say = useWords(words);
  const navigate = useNavigate();
  const [open, setOpen] = useState<'palette' | 'help' | null>(null);
  const may = useMay();
  const close = () => setOpen(null);
  useKeys({
    n: () => {
      if (may('tasks:write')) void navigate({ to: '/tasks/new' });
    },
    '/': () => setOpen('palette'),
    '?': () => setOpen('help'),
    'Mod+k': () => setOpen(open === 'palette' ? null : 'palette'),
  });
  return (
    <div className="flex min-h-dvh">
      <a href="#main" className="fixed -top-20 left-2 z-70 rounded-control bg-surface px-3 py-2 focus:top-2">
        {say('skip')}
      </a>
      <Rail />
      <div className="flex min-w-0 flex-1 flex-col">
        <TopBar onSearch={() => setOpen('palette')} onHelp={() => setOpen('help')} />
        <Banner />
        <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[1680px] min-w-0 flex-1 px-gutter pt-5 pb-24 outline-none md:pb-10">
          <Outlet />
        </main>
      </div>
      <Palette isOpen={open === 'palette'} onClose={close} />
      <SessionEnd />
      <Help isOpen={open === 'help'} onClose={close} />
    </div>
  );
}
