#!/usr/bin/perl -w
# Stands for the program that compares submissions, whose licence keeps it out of every repository. Like that one it takes
# options and files, and says how it is used when there are no files.
use strict;
use File::Basename;

my %option = (l => 'c', o => '.');
while (@ARGV and $ARGV[0] =~ /^-([lo])$/) {
    shift @ARGV;
    $option{$1} = shift @ARGV;
}
unless (@ARGV) {
    print STDERR 'usage: ', basename($0), " [-l language] [-o directory] files\n";
    exit 1;
}
for my $file (@ARGV) {
    -r $file or die "cannot read $file\n";
}
print scalar(@ARGV), " files of language $option{l}\n";
