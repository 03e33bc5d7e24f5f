/** Draws a chart as SVG, with Vega; it is installed with the peers. */
import { importPeer, isInstalled } from '../harness/peers.ts';

interface VegaLite {
  compile(spec: object): { readonly spec: object };
}

interface Vega {
  parse(spec: object): object;
  readonly View: new (
    runtime: object,
    options: { readonly renderer: 'none' },
  ) => { toSVG(): Promise<string> };
}

export function canRender(): boolean {
  return isInstalled('vega') && isInstalled('vega-lite');
}

export async function renderSvg(spec: object): Promise<string> {
  const { compile } = await importPeer<VegaLite>('vega-lite');
  const { parse, View } = await importPeer<Vega>('vega');
  return await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
}
