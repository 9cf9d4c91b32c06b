// Light or dark: as the system has it, until somebody chooses.
export type Theme = 'system' | 'light' | 'dark';

let chosen = $state<Theme>('system');

export const theme = () => chosen;

export function choose_theme(next: Theme): void {
  chosen = next;
  if (next === 'system') {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem('theme');
  } else {
    document.documentElement.dataset.theme = next;
    localStorage.setItem('theme', next);
  }
}

export function start_theme(): void {
  const kept = localStorage.getItem('theme');
  if (kept === 'light' || kept === 'dark') choose_theme(kept);
}
