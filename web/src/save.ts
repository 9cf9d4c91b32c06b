// A file for the reader, made here.
export const save_text = (name: string, text: string, type = 'text/plain'): void => save(name, new Blob([text], { type: `${type};charset=utf-8` }));
export const save_octets = (name: string, octets: Uint8Array<ArrayBuffer>, type: string): void => save(name, new Blob([octets], { type }));

export function save(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// A cell that no spreadsheet takes for a formula (security row E8).
function cell(value: string): string {
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csv_text = (rows: string[][]): string => rows.map((row) => row.map(cell).join(',') + '\r\n').join('');
