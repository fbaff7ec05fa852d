<?php
// Draws with Gregwar's Captcha: php draw_gregwar.php FOLDER COUNT SEED.
require_once 'Gregwar/Captcha/autoload.php';

[, $folder, $count, $seed] = $argv;
$texts = '';
for ($index = 0; $index < $count; $index++) {
    mt_srand(crc32("$seed/$index"));
    $captcha = new Gregwar\Captcha\CaptchaBuilder();
    $captcha->build()->save(sprintf('%s/%05d.jpg', $folder, $index));
    $texts .= $captcha->getPhrase() . "\n";
}
file_put_contents("$folder/labels.txt", $texts);
