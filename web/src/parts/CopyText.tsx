import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useWords } from '@/i18n/words';
import { IconButton } from './Button';
import { words } from './words';

/** A command or an id with a button that copies it. */
export function CopyText({ text }: { readonly text: string }) {
  const say = useWords(words);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <span className="flex max-w-full items-center gap-1 rounded-control border border-line bg-sunken py-0.5 pr-0.5 pl-2.5">
      <code tabIndex={0} className="min-w-0 flex-1 overflow-x-auto whitespace-nowrap select-all">{text}</code>
      <IconButton
        size="small"
        label={isCopied ? say('copied') : say('copy')}
        icon={isCopied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
        onClick={() => void navigator.clipboard?.writeText(text).then(() => setCopied(true))}
      />
    </span>
  );
}
