/** A file to keep. The server is asked first: a browser would save the words of a refusal as the file. */
import { useState, type MouseEvent, type ReactNode } from 'react';
import { ApiProblem } from '@/api/problem';
import { fetchPath } from '@/api/transport';
import { toast } from '@/parts';
import { addressOf } from '../data';

interface DownloadLinkProps {
  readonly url: string;
  readonly name: string;
  readonly className: string;
  readonly children: ReactNode;
}

/** Raises ApiProblem: the file is not to be had, or not by who is here. */
async function mayHave(url: string): Promise<void> {
  try {
    await fetchPath(url, { headers: { Range: 'bytes=0-0' }, cache: 'no-store' });
  } catch (error) {
    // An empty file has no first byte.
    if (!(error instanceof ApiProblem) || error.status !== 416) throw error;
  }
}

export function DownloadLink({ url, name, className, children }: DownloadLinkProps) {
  const [isAsking, setAsking] = useState(false);
  const address = `${addressOf(url)}?download=true`;
  const onClick = (event: MouseEvent<HTMLAnchorElement>) => {
    // A new tab shows what the server says.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (isAsking) return;
    setAsking(true);
    mayHave(url)
      .then(() => {
        const link = document.createElement('a');
        link.href = address;
        link.download = name;
        link.click();
      })
      .catch((error: unknown) => toast.failed(error))
      .finally(() => setAsking(false));
  };
  return (
    <a href={address} download={name} aria-busy={isAsking} onClick={onClick} className={className}>
      {children}
    </a>
  );
}
