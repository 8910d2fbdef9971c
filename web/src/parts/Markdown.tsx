/**
 * Text that agents wrote, as Markdown. HTML in it is shown as the text that it is; links lead to http(s) and mail only;
 * pictures come from where the caller says and from nowhere else.
 */
import type { ReactNode } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { useWords } from '@/i18n/words';
import { safeLink } from './links';
import './markdown.css';
import { words } from './words';

interface MarkdownProps {
  readonly text: string;
  /** The address of a picture by the name that the text gives, or null if there is none to show. */
  readonly pictureOf?: (name: string) => string | null;
  readonly className?: string;
}

interface MarkdownNode {
  type: string;
  value?: string;
  children?: MarkdownNode[];
  data?: { hName?: string; hProperties?: Record<string, string> };
}

const PLACE = 'place-';
const ANCHOR = /^<a id="([\w.:-]{1,80})">$/;

/** Anchors become places to jump to, comments nothing, all other HTML text. */
function withoutHtml(node: MarkdownNode): void {
  node.children = (node.children ?? []).flatMap((child): MarkdownNode[] => {
    withoutHtml(child);
    if (child.type !== 'html') return [child];
    const value = child.value ?? '';
    const anchor = ANCHOR.exec(value);
    if (anchor) return [{ type: 'strong', children: [], data: { hName: 'span', hProperties: { id: `${PLACE}${anchor[1] ?? ''}` } } }];
    if (value === '</a>' || /^<!--[^]*-->$/.test(value)) return [];
    return [{ type: 'text', value }];
  });
  if (node.children.length === 0) delete node.children;
}

function plainHtml(): (tree: MarkdownNode) => void {
  return withoutHtml;
}

function isSql(children: ReactNode): boolean {
  return (
    typeof children === 'object' &&
    children !== null &&
    'props' in children &&
    typeof children.props === 'object' &&
    children.props !== null &&
    'className' in children.props &&
    children.props.className === 'language-sql'
  );
}

function jump(from: Element, place: string): void {
  const root = from.closest('[data-markdown]');
  const target = [...(root?.querySelectorAll('[id]') ?? [])].find((one) => one.id === PLACE + place || one.id === place);
  target?.scrollIntoView({ block: 'start', behavior: 'smooth' });
}

export default function Markdown({ text, pictureOf, className }: MarkdownProps) {
  const say = useWords(words);
  const components: Components = {
    a({ href, children }) {
      const address = safeLink(href);
      if (address === null) return <span>{children}</span>;
      if (address.startsWith('#')) {
        return (
          <a
            href={address}
            onClick={(event) => {
              event.preventDefault();
              jump(event.currentTarget, decodeURIComponent(address.slice(1)));
            }}
          >
            {children}
          </a>
        );
      }
      return (
        <a href={address} target="_blank" rel="noopener noreferrer nofollow">
          {children}
        </a>
      );
    },
    img({ src, alt }) {
      const picture = typeof src === 'string' ? (pictureOf?.(src) ?? null) : null;
      if (picture === null) return <em>{alt}</em>;
      return <img src={picture} alt={alt ?? ''} loading="lazy" />;
    },
    pre({ children }) {
      if (!isSql(children)) return <pre tabIndex={0}>{children}</pre>;
      return (
        <details>
          <summary>{say('markdown.sql')}</summary>
          <pre tabIndex={0}>{children}</pre>
        </details>
      );
    },
    table({ children }) {
      return (
        <div className="markdown-table" tabIndex={0}>
          <table>{children}</table>
        </div>
      );
    },
    input({ checked }) {
      return <input type="checkbox" checked={checked === true} readOnly disabled />;
    },
  };
  return (
    <div data-markdown className={className === undefined ? 'markdown' : `markdown ${className}`}>
      <ReactMarkdown
        remarkPlugins={[remarkGfm, plainHtml]}
        components={components}
        urlTransform={(url, key) => (key === 'src' ? url : (safeLink(url) ?? ''))}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}
