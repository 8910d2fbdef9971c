import { useWords } from '@/i18n/words';
import { Dialog } from '@/parts/Dialog';
import { Kbd } from '@/parts/Kbd';
import { words } from './words';

const GROUPS = [
  {
    title: 'keys.anywhere',
    keys: [
      ['n', 'keys.new'],
      ['/', 'keys.search'],
      ['Mod+K', 'keys.palette'],
      ['?', 'keys.help'],
    ],
  },
  {
    title: 'keys.lists',
    keys: [
      ['j', 'keys.next'],
      ['k', 'keys.previous'],
      ['Enter', 'keys.open'],
      ['x', 'keys.select'],
    ],
  },
] as const;

export function Help({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  const say = useWords(words);
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={say('help')} width="small">
      {GROUPS.map((group) => (
        <section key={group.title} className="mt-3 first:mt-0">
          <h3 className="text-sm font-medium text-muted">{say(group.title)}</h3>
          <ul>
            {group.keys.map(([keys, word]) => (
              <li key={keys} className="flex items-center justify-between border-b border-line py-1.5 last:border-b-0">
                <span>{say(word)}</span>
                <span>
                  <Kbd keys={keys} />
                  <span className="sr-only">{keys}</span>
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </Dialog>
  );
}
