/** One message: text with links, quotations with their source, the task it made. */
import { Link } from '@tanstack/react-router';
import { BookOpen } from 'lucide-react';
import { useState } from 'react';
import { useWords } from '@/i18n/words';
import { buttonClass, cx, Dialog, RelativeTime } from '@/parts';
import { authorOf, blocksOf, isOwnAddress, piecesOf, type ChatLink, type Citation, type Message } from './conversation';
import { TaskCard } from './TaskCard';
import { words } from './words';

function Words({ content, links, taskId }: { readonly content: string; readonly links: readonly ChatLink[]; readonly taskId: string | null }) {
  const say = useWords(words);
  return (
    <p className="whitespace-pre-wrap">
      {piecesOf(content, links).map((piece, at) =>
        piece.href === null ? (
          piece.text
        ) : (
          <Link key={at} to={piece.href} className="link underline">
            {piece.href === `/tasks/${taskId ?? ''}` ? say('task.open') : piece.text}
          </Link>
        ),
      )}
    </p>
  );
}

function Source({ citation, onOpen }: { readonly citation: Citation; readonly onOpen: (citation: Citation) => void }) {
  const say = useWords(words);
  const place = citation.anchor === '' || citation.anchor === citation.title ? citation.title : `${citation.title} › ${citation.anchor}`;
  return (
    <button
      type="button"
      aria-label={say('source', { place })}
      onClick={() => onOpen(citation)}
      className="inline-flex max-w-full items-center gap-1.5 rounded-full border border-line bg-surface px-2.5 py-0.5 text-sm text-muted hover:border-line-strong hover:text-text"
    >
      <BookOpen size={13} aria-hidden className="shrink-0" />
      <span className="truncate">{place}</span>
    </button>
  );
}

function Passage({ citation, onClose }: { readonly citation: Citation | null; readonly onClose: () => void }) {
  const say = useWords(words);
  return (
    <Dialog isOpen={citation !== null} onClose={onClose} title={citation?.title || say('passage')} width="normal">
      {citation !== null && (
        <>
          <p className="mb-3 text-sm text-muted">{citation.locator}</p>
          <blockquote className="border-l-2 border-accent pl-4 whitespace-pre-wrap">{citation.quote}</blockquote>
          <dl className="mt-4 flex flex-wrap gap-x-6 gap-y-1 text-xs text-muted">
            <div className="flex gap-1.5">
              <dt>{say('passage')}</dt>
              <dd>
                <code>{citation.source}</code>
              </dd>
            </div>
            <div className="flex gap-1.5">
              <dt>{say('passage.id')}</dt>
              <dd>
                <code>{citation.id}</code>
              </dd>
            </div>
          </dl>
        </>
      )}
    </Dialog>
  );
}

export function MessageView({ message }: { readonly message: Message }) {
  const say = useWords(words);
  const [opened, setOpened] = useState<Citation | null>(null);
  const isOwn = message.type === 'user';
  const author = authorOf(message, say('you'), say('agent'));
  // An address that the text itself links needs no second link.
  const isLinked = new Set(piecesOf(message.content, message.links).map((piece) => piece.href));
  const pages = message.links.filter((link) => link.kind !== 'task' && isOwnAddress(link.href) && !isLinked.has(link.href));
  const tasks = message.links.filter((link) => link.kind === 'task' && isOwnAddress(link.href) && link.href !== `/tasks/${message.taskId ?? ''}`);
  return (
    <article className={cx('flex flex-col', isOwn ? 'items-end' : 'items-start')} aria-label={author}>
      <p className="mb-1 flex items-baseline gap-2 px-1 text-xs text-muted">
        <span>{author}</span>
        <RelativeTime at={message.at} />
      </p>
      <div
        className={cx(
          'min-w-0 space-y-3 rounded-card px-3.5 py-2.5',
          isOwn ? 'max-w-[85%] bg-tint' : 'card w-fit max-w-full sm:max-w-[92%]',
        )}
      >
        {blocksOf(message).map((block, at) => {
          if (block.kind === 'text') return <Words key={at} content={block.text} links={message.links} taskId={message.taskId} />;
          if (block.kind === 'sources') {
            return (
              <div key={at} className="flex flex-wrap gap-1.5">
                {block.citations.map((citation) => (
                  <Source key={citation.id} citation={citation} onOpen={setOpened} />
                ))}
              </div>
            );
          }
          return (
            <figure key={at}>
              <blockquote className="border-l-2 border-accent pl-3.5 whitespace-pre-wrap">{block.citation.quote}</blockquote>
              <figcaption className="mt-1.5">
                <Source citation={block.citation} onOpen={setOpened} />
              </figcaption>
            </figure>
          );
        })}
        {message.isPartial && <p className="text-sm text-muted">{say('partial')}</p>}
        {message.type === 'ai' && (tasks.length > 0 || pages.length > 0) && (
          <div className="flex flex-wrap gap-1.5">
            {[...tasks, ...pages].map((link) => (
              <Link key={link.href} to={link.href} className={cx(buttonClass('plain', 'small'), 'max-w-full')}>
                <span className="truncate">{link.label}</span>
              </Link>
            ))}
          </div>
        )}
      </div>
      {message.type === 'ai' && message.taskId !== null && (
        <div className="mt-2 w-full max-w-md">
          <TaskCard taskId={message.taskId} />
        </div>
      )}
      <Passage citation={opened} onClose={() => setOpened(null)} />
    </article>
  );
}
