# Draws with Authen::Captcha: perl draw_authen.pl FOLDER COUNT SEED; 5 characters, as in its own example.
use strict;
use warnings;
use Authen::Captcha;

my ($folder, $count, $seed) = @ARGV;
srand(unpack('%32C*', $seed));
my $captcha = Authen::Captcha->new();
open(my $labels, '>', "$folder/labels.txt") or die $!;
for my $index (0 .. $count - 1) {
    my $text = $captcha->generate_random_string(5);
    open(my $image, '>:raw', sprintf('%s/%05d.png', $folder, $index)) or die $!;
    print $image ${ $captcha->create_image_file($text) };
    close($image) or die $!;
    print $labels "$text\n";
}
close($labels) or die $!;
