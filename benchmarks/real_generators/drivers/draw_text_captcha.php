<?php
// Draws with Text_CAPTCHA: php draw_text_captcha.php FOLDER COUNT SEED. Colors are those of the example that comes with it;
// Courier New, the font that it names, is not free: Liberation Mono has the same widths.
require_once 'Text/CAPTCHA.php';

[, $folder, $count, $seed] = $argv;
mt_srand(crc32($seed));
$texts = '';
for ($index = 0; $index < $count; $index++) {
    $captcha = Text_CAPTCHA::factory('Image');
    $captcha->init([
        'width' => 200,
        'height' => 80,
        'output' => 'png',
        'imageOptions' => [
            'font_size' => 24,
            'font_path' => '/usr/share/fonts/truetype/liberation/',
            'font_file' => 'LiberationMono-Regular.ttf',
            'text_color' => '#DDFF99',
            'lines_color' => '#CCEEDD',
            'background_color' => '#555555',
        ],
    ]);
    file_put_contents(sprintf('%s/%05d.png', $folder, $index), $captcha->getCAPTCHA());
    $texts .= $captcha->getPhrase() . "\n";
}
file_put_contents("$folder/labels.txt", $texts);
