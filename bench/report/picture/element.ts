/** SVG as text. */
export type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${attribute(value)}"`);
  const open = `<${name}${list.join("")}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join("")}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element("text", attributes, escapeMarkup(content));
}

export function group(x: number, y: number, ...children: readonly string[]): string {
  return element("g", { transform: `translate(${round(x)} ${round(y)})` }, ...children);
}

export function escapeMarkup(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function attribute(value: string | number): string {
  return typeof value === "number" ? String(round(value)) : escapeMarkup(value);
}

/** A tenth of a pixel is precise enough to see. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
