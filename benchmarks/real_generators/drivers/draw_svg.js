// Draws with svg-captcha: node draw_svg.js FOLDER COUNT SEED; the SVG's transparent ground is laid on white.
const { writeFileSync } = require('fs')
const { join } = require('path')
const seeded = require('./seeded')
const { Resvg } = require('@resvg/resvg-js')
const svgCaptcha = require('svg-captcha')

const [folder, count, seed] = process.argv.slice(2)
const texts = []
for (let index = 0; index < Number(count); index++) {
  Math.random = seeded(`${seed}/${index}`)
  const { data, text } = svgCaptcha.create()
  const png = new Resvg(data, { background: 'white' }).render().asPng()
  writeFileSync(join(folder, String(index).padStart(5, '0') + '.png'), png)
  texts.push(text)
}
writeFileSync(join(folder, 'labels.txt'), texts.join('\n') + '\n')
