/** Numbers in readable form. */
import type { Spread } from "../statistics.ts";

/** Two or three significant figures: 0.041, 1.23, 12.3, 123, 12,345. */
export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return size === 0 ? "0" : value.toPrecision(2);
}

/** "7.41 (7.20–7.62)": median, least and greatest. */
export function formatSpread({ median, min, max }: Spread): string {
  return `${formatValue(median)} (${formatValue(min)}–${formatValue(max)})`;
}

/** "5.93×", "16.1×" */
export function formatFactor(factor: number): string {
  return `${factor.toFixed(factor < 10 ? 2 : 1)}×`;
}

/** "+3.1%" */
export function formatChange(change: number): string {
  return `${change < 0 ? "−" : "+"}${(Math.abs(change) * 100).toFixed(1)}%`;
}

/** The round values of an axis: 0, 2.5, 5, 10,000. */
export function formatTick(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 6 });
}
