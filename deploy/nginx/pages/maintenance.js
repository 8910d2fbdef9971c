// Asks until the service is ready again, then loads the page that was wanted.
const INTERVAL_MS = 5000;
const note = document.getElementById('note');

async function isReady() {
  try {
    const answer = await fetch('/ready', { cache: 'no-store', signal: AbortSignal.timeout(INTERVAL_MS) });
    return answer.ok;
  } catch {
    return false;
  }
}

async function look() {
  if (await isReady()) {
    location.reload();
    return;
  }
  note.textContent = note.dataset.checked.replace('{time}', new Date().toLocaleTimeString(document.documentElement.lang));
  // All who wait shall not come back in the same moment.
  setTimeout(look, INTERVAL_MS * (0.8 + 0.4 * Math.random()));
}

document.getElementById('again').addEventListener('click', () => location.reload());
setTimeout(look, INTERVAL_MS * Math.random());
