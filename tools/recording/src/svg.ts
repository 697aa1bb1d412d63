import type { Line } from './screen.ts';

const CHAR_WIDTH = 7.83;
const LINE_HEIGHT = 18;
const MARGIN = 16;
/** The whole recording, then the last picture alone, seconds. */
const MOVING = 9;
const STANDING = 6;

const STYLE = `
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d7dae0;white-space:pre}
.bold{font-weight:bold;fill:#fff}.dim{fill:#7f8794}.red{fill:#ff7b72}.green{fill:#3fb950}.yellow{fill:#d29922}
g.p{visibility:hidden}`;

/** The pictures one after the other, for ever; where nothing moves (print, reduced motion) the last one stands. */
export function animatedSvg(pictures: readonly (readonly Line[])[], columns: number): string {
  const rows = Math.max(...pictures.map((picture) => picture.length));
  const width = Math.ceil(columns * CHAR_WIDTH + 2 * MARGIN);
  const height = rows * LINE_HEIGHT + 2 * MARGIN;
  const groups = pictures.map((picture, i) => `<g class="p" id="p${i}">${picture.map(lineOf).join('')}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>A firmware update of ten simulated mesh nodes in a terminal</title>
<style>${STYLE}
#p${pictures.length - 1}{visibility:visible}
@media screen and (prefers-reduced-motion:no-preference){
${pictures.map((_, i) => timing(i, pictures.length)).join('\n')}
}
</style>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
${groups.join('\n')}
</svg>
`;
}

function timing(i: number, count: number): string {
  const share = MOVING / (MOVING + STANDING) / (count - 1);
  const start = 100 * i * share;
  const end = i === count - 1 ? 100 : start + 100 * share;
  const at = (percent: number): string => `${percent.toFixed(3)}%`;
  const before = i === 0 ? '' : `0%,${at(start - 0.001)}{visibility:hidden}`;
  const after = i === count - 1 ? '' : `${at(end)},100%{visibility:hidden}`;
  return `@keyframes k${i}{${before}${at(start)},${at(end - 0.001)}{visibility:visible}${after}}#p${i}{animation:k${i} ${MOVING + STANDING}s step-end infinite}`;
}

function lineOf(line: Line, row: number): string {
  if (line.length === 0) return '';
  const y = MARGIN + (row + 1) * LINE_HEIGHT - 5;
  let column = 0;
  const parts = line.map(({ text, style }) => {
    const x = (MARGIN + column * CHAR_WIDTH).toFixed(1);
    column += text.length;
    return text.trim() === ''
      ? ''
      : `<tspan x="${x}"${style === '' ? '' : ` class="${style}"`}>${escapeXml(text)}</tspan>`;
  });
  return `<text y="${y}" xml:space="preserve">${parts.join('')}</text>`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
