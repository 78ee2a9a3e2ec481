/* dx, dw and db of a 2-D convolution, for `symconv audit --command`: reads a case on standard input, writes the answer.
   Dilation and groups are refused. With the argument "wrong" the stride is left out of dw. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;

static const char *after(const char *from, const char *key) {
    const char *found = strstr(from, key);
    if (!found) { fprintf(stderr, "no %s in the case\n", key); exit(4); }
    return found + strlen(key);
}

static int numbers(const char *at, double *into, int most) { /* the numbers of a list, brackets within it ignored */
    int count = 0, depth = 0;
    for (;; at++) {
        if (*at == '[') depth++;
        else if (*at == ']') { if (--depth == 0) return count; }
        else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            char *end;
            if (count == most) exit(5);
            into[count++] = strtod(at, &end);
            at = end - 1;
        }
    }
}

static double *array(const char *name, int shape[4]) {
    double sizes[4];
    char key[16];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *here = after(after(text, "\"arrays\""), key);
    int axes = numbers(after(here, "\"shape\":"), sizes, 4), total = 1;
    for (int i = 0; i < axes; i++) total *= shape[i] = (int)sizes[i];
    double *data = calloc(total + 1, sizeof *data);
    numbers(after(here, "\"data\":"), data, total);
    return data;
}

static void show(const char *name, const double *data, const int *shape, int axes) {
    int total = 1;
    printf("\"%s\": {\"shape\": [", name);
    for (int i = 0; i < axes; i++) { printf(i ? ", %d" : "%d", shape[i]); total *= shape[i]; }
    printf("], \"data\": [");
    for (int i = 0; i < total; i++) printf(i ? ", %.17g" : "%.17g", data[i]);
    printf("]}");
}

int main(int argc, char **argv) {
    size_t size = 0, room = 1 << 20;
    text = malloc(room + 1);
    for (size_t n; (n = fread(text + size, 1, room - size, stdin)) > 0;) {
        size += n;
        if (size == room) text = realloc(text, (room *= 2) + 1);
    }
    text[size] = 0;

    double stride[3], padding[6], dilation[3], groups;
    if (numbers(after(text, "\"stride\":"), stride, 3) != 2) { puts("{\"refuses\": \"two axes only\"}"); return 0; }
    numbers(after(text, "\"padding\":"), padding, 6);
    numbers(after(text, "\"dilation\":"), dilation, 3);
    groups = strtod(after(text, "\"groups\":"), NULL);
    if (dilation[0] != 1 || dilation[1] != 1 || groups != 1) { puts("{\"refuses\": \"no dilation, no groups\"}"); return 0; }

    int X[4], W[4], Y[4], B[1];
    double *x = array("x", X), *w = array("w", W), *dy = array("dy", Y);
    double *dx = calloc(X[0] * X[1] * X[2] * X[3] + 1, sizeof *dx), *dw = calloc(W[0] * W[1] * W[2] * W[3] + 1, sizeof *dw);
    double *db = calloc(W[0] + 1, sizeof *db);
    int wrong = argc > 1 && !strcmp(argv[1], "wrong");
    for (int n = 0; n < Y[0]; n++) for (int f = 0; f < Y[1]; f++) for (int i = 0; i < Y[2]; i++) for (int j = 0; j < Y[3]; j++) {
        double up = dy[((n * Y[1] + f) * Y[2] + i) * Y[3] + j];
        db[f] += up;
        for (int c = 0; c < W[1]; c++) for (int k = 0; k < W[2]; k++) for (int l = 0; l < W[3]; l++) {
            int tap = ((f * W[1] + c) * W[2] + k) * W[3] + l;
            int h = (int)stride[0] * i + k - (int)padding[0], v = (int)stride[1] * j + l - (int)padding[2];
            int inside = h >= 0 && h < X[2] && v >= 0 && v < X[3], at = ((n * X[1] + c) * X[2] + h) * X[3] + v;
            if (inside) dx[at] += up * w[tap];
            if (wrong) {
                h = i + k - (int)padding[0], v = j + l - (int)padding[2];
                inside = h >= 0 && h < X[2] && v >= 0 && v < X[3], at = ((n * X[1] + c) * X[2] + h) * X[3] + v;
            }
            if (inside) dw[tap] += up * x[at];
        }
    }
    B[0] = W[0];
    printf("{"); show("dx", dx, X, 4); printf(", "); show("dw", dw, W, 4); printf(", "); show("db", db, B, 1); puts("}");
    return 0;
}
